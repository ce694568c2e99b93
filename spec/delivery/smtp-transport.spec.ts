/** The transport against the stand-in for Exchange: outcomes at each phase, habits of Exchange, TLS, AUTH, connections. */
import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Clock } from "../../src/core/ports.ts";
import { defaultSmtpTimeouts } from "../../src/delivery/smtp-limits.ts";
import type { SmtpTransportOptions } from "../../src/delivery/smtp-transport.ts";
import type { Transport } from "../../src/delivery/transport.ts";
import { exchangeKnobs, type StandInAction, type StandInPhase } from "../../src/demo/smtp-stand-in-knobs.ts";
import { startSmtpStandIn, type SmtpStandIn } from "../../src/demo/smtp-stand-in.ts";
import type { TlsPolicy } from "../../src/net/tls-policy.ts";
import { certificates } from "../fakes/certificates.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { at, kinds, never, openTransport, plain, transaction } from "./smtp-fixtures.ts";

let exchange: SmtpStandIn;
beforeEach(async () => {
  const { server } = certificates();
  exchange = await startSmtpStandIn({
    knobs: { ...exchangeKnobs, mailboxes: new Set([at("anna"), at("bernd"), at("chef")]) },
    tls: { key: server.key, cert: server.cert },
  });
});
afterEach(async () => exchange.close());

function transport(more: Partial<SmtpTransportOptions> = {}, clock?: Clock): Transport {
  return openTransport(exchange.port, more, clock);
}

describe("drops", () => {
  const before: readonly StandInPhase[] = ["connect", "ehlo", "mail", "rcpt", "data"];
  test.each(before)("in phase %s: deferred, and the destination is unavailable", async (phase) => {
    exchange.set({ at: { [phase]: { do: "drop" } } });
    await using way = transport();
    const result = await way.deliver(transaction({ to: [at("anna"), at("bernd")] }), never);
    expect(kinds(result)).toEqual(["deferred", "deferred"]);
    expect(result.destination.kind).toBe("unavailable");
    expect(exchange.messages).toHaveLength(0);
  });

  test("in mid-body: deferred, and nothing counts as sent", async () => {
    exchange.set({ at: { body: { do: "drop" } } });
    const started = Promise.withResolvers<void>();
    await using way = transport();
    const result = await way.deliver(
      transaction({
        size: 10_000_000,
        async *body() {
          yield Buffer.from("Subject: x\r\n\r\n");
          started.resolve();
          for (let index = 0; index < 10_000; index++) yield Buffer.from(`${"x".repeat(998)}\r\n`);
        },
      }),
      never,
    );
    await started.promise;
    expect(kinds(result)).toEqual(["deferred"]);
    expect(exchange.messages).toHaveLength(0);
  });

  test.each([
    ["drop", true],
    ["drop", false],
    ["reset", true],
    ["reset", false],
  ] as const)("after the final dot (%s, taken: %s): unconfirmed", async (action, taken) => {
    exchange.set({ at: { dot: { do: action, taken } } });
    await using way = transport();
    const result = await way.deliver(transaction(), never);
    expect(kinds(result)).toEqual(["unconfirmed"]);
    expect(exchange.messages).toHaveLength(taken ? 1 : 0);
  });

  test("silence after the final dot: unconfirmed when the time is over", async () => {
    exchange.set({ at: { dot: { do: "silence" } } });
    await using way = transport({ timeouts: { ...defaultSmtpTimeouts, bodyMs: 200 } });
    expect(kinds(await way.deliver(transaction(), never))).toEqual(["unconfirmed"]);
  });

  test.each(["connect", "ehlo", "mail"] as const)(
    "silence in phase %s: deferred when the time is over",
    async (phase) => {
      exchange.set({ at: { [phase]: { do: "silence" } } });
      await using way = transport({ timeouts: { ...defaultSmtpTimeouts, greetingMs: 200, envelopeMs: 200 } });
      const result = await way.deliver(transaction(), never);
      expect(kinds(result)).toEqual(["deferred"]);
      expect(result.destination.kind).toBe("unavailable");
    },
  );
});

describe("replies", () => {
  const reply = (line: string): StandInAction => ({ do: "reply", line });
  test.each([
    ["connect", "421 4.3.2 Service not available", "deferred", "unavailable"],
    ["connect", "554 5.7.1 go away", "deferred", "unavailable"],
    ["ehlo", "550 5.7.1 no", "deferred", "unavailable"],
    ["mail", "452 4.3.1 Insufficient system resources", "deferred", "unavailable"],
    ["mail", "550 5.7.1 sender refused", "refused", "answered"],
    ["mail", "530 5.7.57 Client not authenticated", "deferred", "unavailable"],
    ["mail", "421 4.4.2 closing", "deferred", "unavailable"],
    ["rcpt", "450 4.2.1 busy", "deferred", "answered"],
    ["rcpt", "550 5.7.1 Unable to relay", "refused", "answered"],
    ["data", "451 4.3.0 later", "deferred", "answered"],
    ["data", "554 5.6.0 no", "refused", "answered"],
    ["dot", "451 4.4.0 Message failed to be made redundant", "deferred", "answered"],
    ["dot", "452 4.3.1 Insufficient system resources", "deferred", "unavailable"],
    ["dot", "550 5.1.1 User unknown", "refused", "answered"],
    ["dot", "552 5.3.4 too big", "refused", "answered"],
    ["dot", "421 4.4.1 closing", "deferred", "answered"],
  ] as const)("%s: %s → %s", async (phase, line, kind, destination) => {
    exchange.set({ at: { [phase]: reply(line) } });
    await using way = transport();
    const result = await way.deliver(transaction({ to: [at("anna"), at("bernd")] }), never);
    expect(kinds(result)).toEqual([kind, kind]);
    expect(result.destination.kind).toBe(destination);
    // The next message is not spoilt by it.
    exchange.set({ at: {} });
    expect(kinds(await way.deliver(transaction(), never))).toEqual(["delivered"]);
  });

  test("each recipient by its own reply, in their order, also when all are refused", async () => {
    exchange.set({ atRcpt: { [at("bernd")]: reply("451 4.2.0 later") } });
    await using way = transport();
    const mixed = await way.deliver(transaction({ to: [at("nobody"), at("anna"), at("bernd")] }), never);
    expect(kinds(mixed)).toEqual(["refused", "delivered", "deferred"]);
    for (const to of [
      [at("nobody"), at("bernd")],
      [at("bernd"), at("nobody")],
    ]) {
      const none = await way.deliver(transaction({ to }), never);
      expect(Object.fromEntries(none.outcomes.map(({ recipient, outcome }) => [recipient, outcome.kind]))).toEqual({
        [at("nobody")]: "refused",
        [at("bernd")]: "deferred",
      });
    }
    expect(exchange.messages.map(({ recipients }) => recipients)).toEqual([[at("anna")]]);
  });
});

describe("Exchange's habits", () => {
  test("200 recipients: the others are too many, and go in the next transaction", async () => {
    exchange.set({ mailboxes: undefined });
    await using way = transport();
    const to = Array.from({ length: 203 }, (_, index) => at(`u${index}`));
    const result = await way.deliver(transaction({ to }), never);
    expect(result.tooMany).toEqual(to.slice(200));
    expect(kinds(result).filter((kind) => kind === "delivered")).toHaveLength(200);
  });

  test("five protocol errors and out: the good recipient is not refused for it, and three bad ones at a time are found out", async () => {
    await using way = transport();
    const nobodies = Array.from({ length: 7 }, (_, index) => at(`nobody${index}`));
    const cut = await way.deliver(transaction({ to: [...nobodies, at("anna")] }), never);
    expect(kinds(cut).at(-1)).toBe("deferred");
    expect(exchange.messages).toHaveLength(0);
    for (const begin of [0, 3]) {
      const three = await way.deliver(transaction({ to: nobodies.slice(begin, begin + 3) }), never);
      expect(kinds(three)).toEqual(["refused", "refused", "refused"]);
    }
    const rest = await way.deliver(transaction({ to: [...nobodies.slice(6), at("anna")] }), never);
    expect(kinds(rest)).toEqual(["refused", "delivered"]);
  });

  test("a tarpit of five seconds for each bad recipient is waited out", async () => {
    const clock = new ManualClock();
    await using tarpit = await startSmtpStandIn({
      clock,
      knobs: { ...exchangeKnobs, mailboxes: new Set([at("anna")]), tarpitMs: 5000 },
    });
    await using way = transport({ port: tarpit.port });
    const delivering = way.deliver(transaction({ to: [at("nobody"), at("anna")] }), never);
    await clock.sleeping();
    await clock.advance(5000);
    expect(kinds(await delivering)).toEqual(["refused", "delivered"]);
  });

  test("more connections than it allows: 421, and the destination is left alone", async () => {
    exchange.set({ maxConnections: 0 });
    await using way = transport();
    expect((await way.deliver(transaction(), never)).destination.kind).toBe("unavailable");
  });

  test("messages per connection: a new one is opened in time", async () => {
    exchange.set({ messagesPerConnection: 20 });
    await using way = transport();
    for (let index = 0; index < 45; index++)
      expect(kinds(await way.deliver(transaction(), never))).toEqual(["delivered"]);
    expect(exchange.connections.total).toBe(3);
  });

  test("a connection that it has ended while nothing was said is replaced unseen", async () => {
    await using way = transport();
    await way.deliver(transaction(), never);
    exchange.set({ at: { mail: ({ connection }) => (connection === 1 ? { do: "drop" } : undefined) } });
    expect(kinds(await way.deliver(transaction(), never))).toEqual(["delivered"]);
    expect(exchange.connections.total).toBe(2);
  });

  test("no connection is used for longer than ten minutes, nor kept idle for five", async () => {
    const clock = new ManualClock();
    await using way = transport({ idleMs: 60_000, maxAgeMs: 480_000 }, clock);
    await way.deliver(transaction(), never);
    for (let minute = 0; minute < 9; minute++) {
      await clock.advance(55_000);
      await way.deliver(transaction(), never);
    }
    expect(exchange.connections.total).toBe(2);
    await clock.advance(61_000);
    await way.deliver(transaction(), never);
    expect(exchange.connections.total).toBe(3);
    expect(exchange.transcript.filter((line) => line.endsWith("C: QUIT"))).toHaveLength(2);
  });

  test("a connection whose age nobody knows, since the clock was set back, is not used again", async () => {
    const clock = new ManualClock();
    await using way = transport({ idleMs: 60_000, maxAgeMs: 480_000 }, clock);
    await way.deliver(transaction(), never);
    clock.set(clock.now() - 86_400_000);
    await way.deliver(transaction(), never);
    await way.deliver(transaction(), never);
    expect(exchange.connections.total).toBe(2);
  });

  test("its SIZE is respected before anything is sent", async () => {
    await using way = transport();
    const result = await way.deliver(transaction({ size: 40_000_000 }), never);
    expect(result.outcomes[0]?.outcome).toMatchObject({
      kind: "refused",
      cause: { kind: "size", limit: 36 * 1024 * 1024 },
    });
    expect(exchange.transcript.some((line) => line.includes("MAIL"))).toBe(false);
  });
});

describe("extensions", () => {
  const eightBit = { eightBit: true, eightBitHeader: false, longLines: false };
  test("8-bit mail is declared where 8BITMIME is offered, and arrives octet for octet", async () => {
    await using way = transport();
    const body = Buffer.from("Subject: x\r\n\r\nGrüße\r\n");
    await way.deliver(transaction({ body, traits: eightBit }), never);
    expect(exchange.messages[0]?.mailParameters).toContain("BODY=8BITMIME");
    expect(exchange.messages[0]?.raw.equals(body)).toBe(true);
  });
  test("without 8BITMIME it is sent as it is, or held where so configured", async () => {
    exchange.set({ eightBitMime: false });
    const body = Buffer.from("Subject: x\r\n\r\nGrüße\r\n");
    await using sending = transport();
    expect(kinds(await sending.deliver(transaction({ body, traits: eightBit }), never))).toEqual(["delivered"]);
    expect(exchange.messages[0]?.raw.equals(body)).toBe(true);
    await using holding = transport({ eightBit: "hold" });
    const held = await holding.deliver(transaction({ body, traits: eightBit }), never);
    expect(held.outcomes[0]?.outcome).toMatchObject({
      kind: "refused",
      cause: { kind: "extension", missing: "8BITMIME" },
    });
  });
  test("an address in UTF-8 needs SMTPUTF8; the other recipients do not wait for it", async () => {
    await using way = transport();
    const to = ["jörg@firma.example", at("anna")];
    const result = await way.deliver(transaction({ to }), never);
    expect(result.outcomes[0]?.outcome).toMatchObject({ cause: { kind: "extension", missing: "SMTPUTF8" } });
    expect(kinds(result)).toEqual(["refused", "delivered"]);
    exchange.set({ smtpUtf8: true, mailboxes: undefined });
    await using fresh = transport();
    expect(kinds(await fresh.deliver(transaction({ to }), never))).toEqual(["delivered", "delivered"]);
    expect(exchange.messages.at(-1)?.mailParameters).toContain("SMTPUTF8");
  });
});

describe("TLS", () => {
  const { ca, otherCa, server } = certificates();
  const required: TlsPolicy = { ...plain, mode: "starttls" };
  const fingerprint = (pem: string): string =>
    createHash("sha256")
      .update(Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/gu, ""), "base64"))
      .digest("hex");

  test.each([
    ["a CA of our own", { ...required, ca: [ca.cert] }, "delivered"],
    ["another CA", { ...required, ca: [otherCa.cert] }, "deferred"],
    ["no CA", required, "deferred"],
    ["the right pin", { ...required, fingerprints: [`sha256:${fingerprint(server.cert)}`] }, "delivered"],
    ["a wrong pin", { ...required, fingerprints: [`sha256:${"0".repeat(64)}`] }, "deferred"],
    ["opportunistic, which asks for no proof", { ...plain, mode: "opportunistic" as const }, "delivered"],
  ] as const)("STARTTLS with %s: %s", async (_, tls, kind) => {
    await using way = transport({ tls });
    const result = await way.deliver(transaction(), never);
    expect(kinds(result)).toEqual([kind]);
    expect(exchange.transcript).toContain("1 C: STARTTLS");
    if (kind === "delivered") return;
    expect(exchange.transcript.some((line) => line.includes("MAIL"))).toBe(false);
    expect(result.destination).toMatchObject({ kind: "unavailable", cause: { kind: "tls" } });
  });

  test("required, and not offered: nothing is sent", async () => {
    exchange.set({ starttls: false });
    await using way = transport({ tls: { ...required, ca: [ca.cert] } });
    expect(kinds(await way.deliver(transaction(), never))).toEqual(["deferred"]);
    expect(exchange.transcript.some((line) => line.includes("MAIL"))).toBe(false);
  });

  test("implicit TLS", async () => {
    await using implicit = await startSmtpStandIn({ tls: { key: server.key, cert: server.cert, implicit: true } });
    await using way = transport({ port: implicit.port, tls: { ...plain, mode: "implicit", ca: [ca.cert] } });
    expect(kinds(await way.deliver(transaction(), never))).toEqual(["delivered"]);
    await using wrong = transport({ port: implicit.port, tls: { ...plain, mode: "implicit", ca: [otherCa.cert] } });
    expect(kinds(await wrong.deliver(transaction(), never))).toEqual(["deferred"]);
    expect(implicit.messages).toHaveLength(1);
  });
});

describe("AUTH", () => {
  const { ca } = certificates();
  const tls: TlsPolicy = { ...plain, mode: "starttls", ca: [ca.cert] };
  const password = (secret: string) => ({
    user: "popgate",
    secret: { kind: "password" as const, read: async () => secret },
  });

  test.each(["PLAIN", "LOGIN", "CRAM-MD5"] as const)("%s", async (mechanism) => {
    exchange.set({ auth: [mechanism], users: new Map([["popgate", "pass word"]]), authRequired: true });
    await using way = transport({ tls, credentials: password("pass word") });
    expect(kinds(await way.deliver(transaction(), never))).toEqual(["delivered"]);
    await using wrong = transport({ tls, credentials: password("wrong") });
    const refused = await wrong.deliver(transaction(), never);
    expect(kinds(refused)).toEqual(["deferred"]);
    expect(refused.destination).toMatchObject({ kind: "unavailable", cause: { phase: "auth", reply: { code: 535 } } });
  });

  test("XOAUTH2 with a token of ours; a refused one is replaced by a fresh one, once", async () => {
    exchange.set({ auth: ["XOAUTH2"], users: new Map([["popgate", "token-2"]]), authRequired: true });
    let token = "token-1";
    const secret = { kind: "oauth" as const, token: async () => token, invalidate: () => void (token = "token-2") };
    await using way = transport({ tls, credentials: { user: "popgate", secret } });
    expect(kinds(await way.deliver(transaction(), never))).toEqual(["delivered"]);
    exchange.set({ users: new Map([["popgate", "token-3"]]) });
    await using late = transport({ tls, credentials: { user: "popgate", secret } });
    expect(kinds(await late.deliver(transaction(), never))).toEqual(["deferred"]);
    expect(exchange.transcript.filter((line) => line.includes("C: AUTH"))).toHaveLength(4);
  });

  test("a password is not sent over a connection that should be encrypted and is not", async () => {
    exchange.set({ starttls: false, auth: ["PLAIN"], users: new Map([["popgate", "x"]]) });
    await using way = transport({ tls: { ...plain, mode: "opportunistic" }, credentials: password("x") });
    expect(kinds(await way.deliver(transaction(), never))).toEqual(["deferred"]);
    expect(exchange.transcript.some((line) => line.includes("C: AUTH"))).toBe(false);
  });

  test("a server without AUTH where a login is configured: nothing is sent without it", async () => {
    await using way = transport({ tls, credentials: password("x") });
    expect(kinds(await way.deliver(transaction(), never))).toEqual(["deferred"]);
    expect(exchange.messages).toHaveLength(0);
  });
});

describe("bodies", () => {
  test("25 MB stream through with dots stuffed, octet for octet, and wait for the server", async () => {
    exchange.set({ keepRaw: false });
    const piece = Buffer.from(`${".".repeat(30)}${"x".repeat(30)}\r\n.\r\n..\r\n`);
    const chunk = Buffer.concat(Array.from({ length: 1000 }, () => piece));
    const hash = createHash("sha256");
    let ahead = 0;
    let octets = 0;
    await using way = transport();
    const result = await way.deliver(
      transaction({
        size: 25_000_000,
        async *body() {
          while (octets < 25_000_000) {
            hash.update(chunk);
            octets += chunk.length;
            ahead += 1;
            yield chunk;
          }
        },
      }),
      never,
    );
    expect(kinds(result)).toEqual(["delivered"]);
    expect(exchange.messages[0]).toMatchObject({ size: octets, digest: hash.digest("hex") });
    expect(ahead).toBeGreaterThan(300);
  });

  test("a body that throws: the connection goes, without a final dot", async () => {
    await using way = transport();
    const result = await way.deliver(
      transaction({
        async *body() {
          yield Buffer.from("Subject: x\r\n\r\n");
          throw new Error("damaged");
        },
      }),
      never,
    );
    expect(result.bodyError?.message).toBe("damaged");
    expect(kinds(result)).toEqual(["deferred"]);
    expect(exchange.messages).toHaveLength(0);
    expect(kinds(await way.deliver(transaction(), never))).toEqual(["delivered"]);
  });
});

describe("stopping", () => {
  test.each(["connect", "ehlo", "mail", "rcpt", "data"] as const)(
    "in phase %s: rejects with the signal's reason",
    async (phase) => {
      const stop = new AbortController();
      exchange.set({
        at: {
          [phase]: () => {
            stop.abort(new Error("stopping"));
            return { do: "silence" as const };
          },
        },
      });
      await using way = transport();
      await expect(way.deliver(transaction(), stop.signal)).rejects.toThrow("stopping");
      expect(exchange.messages).toHaveLength(0);
    },
  );

  test("in mid-body: what is under way is finished", async () => {
    const stop = new AbortController();
    await using way = transport();
    const delivering = way.deliver(
      transaction({
        async *body() {
          yield Buffer.from("Subject: x\r\n\r\n");
          stop.abort(new Error("stopping"));
          await new Promise(setImmediate);
          yield Buffer.from("more\r\n");
        },
      }),
      stop.signal,
    );
    expect(kinds(await delivering)).toEqual(["delivered"]);
    expect(exchange.messages[0]?.raw.toString()).toBe("Subject: x\r\n\r\nmore\r\n");
  });

  test("in mid-body, and it does not end in time: deferred, and the server is not given a whole message", async () => {
    const stop = new AbortController();
    const ended = Promise.withResolvers<void>();
    await using way = transport({ timeouts: { ...defaultSmtpTimeouts, stopMs: 50 } });
    const result = await way.deliver(
      transaction({
        async *body() {
          try {
            for (;;) {
              yield Buffer.from("more\r\n");
              stop.abort(new Error("stopping"));
              await new Promise(setImmediate);
            }
          } finally {
            ended.resolve();
          }
        },
      }),
      stop.signal,
    );
    expect(kinds(result)).toEqual(["deferred"]);
    expect(result.destination.kind).toBe("answered");
    expect(exchange.messages).toHaveLength(0);
    await ended.promise;
  });

  test("no answer to the final dot within the grace: unconfirmed", async () => {
    const stop = new AbortController();
    exchange.set({
      at: {
        dot: () => {
          stop.abort(new Error("stopping"));
          return { do: "silence" as const };
        },
      },
    });
    await using way = transport({ timeouts: { ...defaultSmtpTimeouts, stopMs: 50 } });
    expect(kinds(await way.deliver(transaction(), stop.signal))).toEqual(["unconfirmed"]);
  });

  test("after the final dot: the server's answer is still waited for", async () => {
    const stop = new AbortController();
    exchange.set({
      at: {
        dot: () => {
          stop.abort(new Error("stopping"));
          return undefined;
        },
      },
    });
    await using way = transport();
    expect(kinds(await way.deliver(transaction(), stop.signal))).toEqual(["delivered"]);
  });

  test("disposing says QUIT on what is kept, and leaves no connection", async () => {
    {
      await using way = transport();
      await way.deliver(transaction(), never);
    }
    while (exchange.connections.open > 0) await new Promise(setImmediate);
    expect(exchange.transcript.at(-2)).toBe("1 C: QUIT");
  });
});
