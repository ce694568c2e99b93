/** Limits, slowness, rules and losses of the SMTP stand-in, over raw sockets. */
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { exchangeKnobs, type StandInPhase } from "../../src/demo/smtp-stand-in-knobs.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { greeted, start, toData } from "./smtp-harness.ts";

describe("limits", () => {
  test("a size that is announced, and one that is not: refused after the dot, and nothing kept", async () => {
    const { client, server } = await greeted({ size: 1000 });
    await toData(client, "a@x.example");
    client.write(`${"x".repeat(1500)}\r\n.\r\n`);
    expect(await client.reply()).toMatch(/^552 5\.3\.4/u);
    server.set({ size: undefined, hiddenSize: 100 });
    await toData(client, "a@x.example");
    client.write(`${"x".repeat(150)}\r\n.\r\n`);
    expect(await client.reply()).toMatch(/^552 5\.3\.4/u);
    expect(server.messages).toEqual([]);
  });

  test("messages of one connection", async () => {
    const { client } = await greeted({ messagesPerConnection: 2 });
    for (let count = 0; count < 2; count++) {
      await toData(client, "a@x.example");
      expect(await client.say("x\r\n.")).toBe("250 2.6.0");
    }
    expect(await client.say("MAIL FROM:<>")).toBe("421 4.7.0");
    expect(await client.reply()).toBe("closed");
  });

  test("refusals after the dot are no errors of the client", async () => {
    const { client } = await greeted({ ...exchangeKnobs, maxErrors: 2, recipientCheck: "dot", mailboxes: new Set() });
    for (let count = 0; count < 4; count++) {
      await toData(client, "a@x.example");
      expect(await client.say("x\r\n.")).toBe("550 5.1.1");
    }
    expect(await client.say("VRFY x")).toBe("502 5.5.1");
    expect(await client.say("VRFY x")).toBe("502 5.5.1");
    expect(await client.reply()).toMatch(/^421 4\.7\.0/u);
  });

  test("back pressure in place of the greeting", async () => {
    const { open } = await start({ backPressure: "connect" });
    const client = await open();
    expect(await client.reply()).toMatch(/^421 4\.3\.2/u);
    expect(await client.reply()).toBe("closed");
  });

  test("without keepRaw there are size and digest only", async () => {
    const { client, server } = await greeted({ keepRaw: false });
    await toData(client, "a@x.example");
    await client.say("..x\r\n.");
    const digest = createHash("sha256").update(".x\r\n").digest("hex");
    expect(server.messages).toMatchObject([
      { size: 4, digest, raw: Buffer.alloc(0), reversePath: "a@x.example", connection: 1 },
    ]);
  });
});

describe("slowness", () => {
  const phases: readonly [StandInPhase, string][] = [
    ["connect", ""],
    ["ehlo", "EHLO me\r\n"],
    ["mail", "MAIL FROM:<>\r\n"],
    ["rcpt", "RCPT TO:<a@x.example>\r\n"],
    ["data", "DATA\r\n"],
    ["body", "x\r\n.\r\n"],
    ["dot", "x\r\n.\r\n"],
    ["rset", "RSET\r\n"],
    ["quit", "QUIT\r\n"],
  ];

  test.each(phases)("at %s", async (slow, command) => {
    const clock = new ManualClock();
    const { server, open } = await start({ delayMs: { [slow]: 5000 } }, { clock });
    const client = await open();
    for (const [phase, line] of phases) {
      if (phase === slow) break;
      if (phase === "body" || phase === "dot") continue;
      if (line !== "") client.write(line);
      await client.reply();
      if (phase === "data") break;
    }
    if (slow === "rset" || slow === "quit") client.write("x\r\n.\r\n");
    if (slow === "rset" || slow === "quit") await client.reply();
    const slept = clock.sleeping(clock.now() + 5000);
    if (command !== "") client.write(command);
    await slept;
    const answers = server.transcript.filter((line) => line.includes("S: ")).length;
    const reply = client.reply();
    await clock.advance(4999);
    expect(server.transcript.filter((line) => line.includes("S: "))).toHaveLength(answers);
    await clock.advance(1);
    expect(await reply).toMatch(/^[23]/u);
  });

  test("the tarpit: each refused recipient, by mailbox or by rule", async () => {
    const clock = new ManualClock();
    const rule = { do: "reply", line: "550 5.7.1 no" } as const;
    const knobs = { tarpitMs: 5000, mailboxes: new Set(["a@x.example"]), atRcpt: { "b@x.example": rule } };
    const { client } = await greeted(knobs, { clock });
    await client.say("MAIL FROM:<>");
    expect(await client.say("RCPT TO:<a@x.example>")).toBe("250 2.1.5");
    for (const [recipient, code] of [
      ["b@x.example", "550 5.7.1"],
      ["c@x.example", "550 5.1.10"],
    ] as const) {
      const slept = clock.sleeping(clock.now() + 5000);
      const reply = client.say(`RCPT TO:<${recipient}>`);
      await slept;
      await clock.advance(5000);
      expect(await reply).toBe(code);
    }
  });
});

describe("rules", () => {
  test("a reply of several lines, once, at the second transaction only, and to one recipient", async () => {
    const { client } = await greeted({
      at: {
        mail: ({ transaction, argument }) =>
          transaction === 2 ? { do: "reply", line: `451 4.7.1 not now\nfor ${argument}` } : undefined,
      },
      atRcpt: { "b@x.example": { do: "reply", line: "450 4.2.1 later" } },
    });
    expect(await client.say("MAIL FROM:<a@x.example>")).toBe("250 2.1.0");
    expect(await client.say("RCPT TO:<B@x.example>")).toBe("450 4.2.1");
    expect(await client.say("RCPT TO:<c@x.example>")).toBe("250 2.1.5");
    await client.say("RSET");
    client.write("MAIL FROM:<a@x.example>\r\n");
    expect(await client.lines()).toEqual(["451-4.7.1 not now", "451 for a@x.example"]);
    expect(await client.say("MAIL FROM:<a@x.example>")).toBe("250 2.1.0");
  });

  test.each([
    [{ do: "reply", line: "421 4.3.2 going down" }, ["421 4.3.2 going down", "closed"]],
    [{ do: "reply", line: "554 5.7.1 go away", close: true }, ["554 5.7.1 go away", "closed"]],
    [{ do: "drop" }, ["closed"]],
    [{ do: "reset" }, ["reset"]],
  ] as const)("%j ends the connection", async (action, replies) => {
    const { client } = await greeted({ at: { data: action } });
    await client.say("MAIL FROM:<>");
    await client.say("RCPT TO:<a@x.example>");
    client.write("DATA\r\n");
    for (const expected of replies) expect(await client.reply()).toBe(expected);
  });

  test("a refusal in the middle of the body takes nothing", async () => {
    const { client, server } = await greeted({ at: { body: { do: "reply", line: "552 5.3.4 enough", close: true } } });
    await toData(client, "a@x.example");
    client.write("x\r\n");
    expect(await client.reply()).toBe("552 5.3.4 enough");
    expect(server.messages).toEqual([]);
  });

  test.each([true, false])(
    "silence after the dot, taken %s: the connection stays until the client ends it",
    async (taken) => {
      const asked = Promise.withResolvers<void>();
      const silence = { do: "silence", taken } as const;
      const dot = (): typeof silence => {
        asked.resolve();
        return silence;
      };
      const { client, server, open } = await greeted({ at: { dot } });
      await toData(client, "a@x.example");
      client.write("x\r\n.\r\nNOOP\r\n");
      await asked.promise;
      // Another connection is served, and by then the silent one would have answered.
      server.set({ at: {} });
      const other = await open();
      await other.reply();
      await other.say("EHLO me");
      await toData(other, "b@x.example");
      expect(await other.say("x\r\n.")).toBe("250 2.6.0");
      expect(server.connections).toEqual({ total: 2, open: 2, most: 2 });
      expect(server.transcript.filter((line) => line.startsWith("1 S: ")).at(-1)).toMatch(/354/u);
      expect(server.messages).toHaveLength(taken ? 2 : 1);
      client[Symbol.dispose]();
      while (server.connections.open > 1) await new Promise(setImmediate);
    },
  );
});

describe("the stand-in", () => {
  test("asks its hook before the reply to the dot", async () => {
    const gate = Promise.withResolvers<void>();
    const seen: string[] = [];
    const { client, server } = await greeted(
      {},
      {
        async onMessage({ recipients }) {
          seen.push(recipients.join());
          await gate.promise;
        },
      },
    );
    await toData(client, "a@x.example", "b@x.example");
    client.write("x\r\n.\r\n");
    while (seen.length === 0) await new Promise(setImmediate);
    expect(seen).toEqual(["a@x.example,b@x.example"]);
    expect(server.messages).toEqual([]);
    gate.resolve();
    expect(await client.reply()).toMatch(/^250 2\.6\.0/u);
    expect(server.messages).toHaveLength(1);
  });

  test("gives up waiting for messages with the signal", async () => {
    const { server } = await start({});
    const stop = new AbortController();
    const waiting = server.received(1, stop.signal);
    stop.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
  });

  test("a client that breaks off in the body has sent nothing", async () => {
    const { client, server } = await greeted({});
    await toData(client, "a@x.example");
    client.write("x\r\n");
    client[Symbol.dispose]();
    while (server.connections.open > 0) await new Promise(setImmediate);
    expect(server.messages).toEqual([]);
  });

  test("closes what is open, whatever it is waiting for", async () => {
    const { client, server } = await greeted({ delayMs: { mail: 3_600_000 } }, { clock: new ManualClock() });
    client.write("MAIL FROM:<>\r\n");
    await server.close();
    expect(await client.reply()).toMatch(/^(?:closed|reset)$/u);
    await server.close();
  });
});
