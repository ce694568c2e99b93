/** What the session makes of servers that break the rules, of half-finished transactions, and of its own resources. */
import { beforeEach, describe, expect, test } from "vitest";
import { defaultSmtpTimeouts } from "../../src/delivery/smtp-limits.ts";
import type { StandInPhase } from "../../src/demo/smtp-stand-in-knobs.ts";
import { startSmtpStandIn } from "../../src/demo/smtp-stand-in.ts";
import { SpoolError } from "../../src/spool/port.ts";
import { certificates } from "../fakes/certificates.ts";
import { at, kinds, never, openTransport, plain, transaction } from "./smtp-fixtures.ts";
import { startRawServer, usual, type Answer } from "./raw-server.ts";

const { server: good } = certificates();
const tls = { key: good.key, cert: good.cert };

describe("a server that breaks the rules", () => {
  test("250 in mid-body is no delivery: the final dot has not left", async () => {
    let answered = false;
    await using server = await startRawServer((line) => {
      if (!answered && line === "Subject: x") {
        answered = true;
        return "250 2.0.0 taken\r\n";
      }
      return answered ? undefined : usual(line);
    });
    const more = Promise.withResolvers<void>();
    await using way = openTransport(server.port);
    const result = await way.deliver(
      transaction({
        async *body() {
          yield Buffer.from("Subject: x\r\n\r\n");
          await more.promise;
          yield Buffer.from("the end\r\n");
        },
      }),
      never,
    );
    more.resolve();
    expect(kinds(result)).toEqual(["deferred"]);
    await server.gone();
    expect(server.lines).not.toContain(".");
  });

  test("250 to DATA: the message's lines are not sent to where they would be commands", async () => {
    let opened = false;
    await using server = await startRawServer((line) => (line === "DATA" ? "250 OK\r\n" : usual(line)));
    await using way = openTransport(server.port);
    const result = await way.deliver(
      transaction({
        async *body() {
          opened = true;
          yield Buffer.from("RSET\r\nMAIL FROM:<x@else.example>\r\n");
        },
      }),
      never,
    );
    expect(kinds(result)).toEqual(["deferred"]);
    expect(opened).toBe(false);
    await server.gone();
    expect(server.lines.at(-1)).toBe("DATA");
  });

  test("one reply too many: no message, rather than replies taken for others'", async () => {
    await using server = await startRawServer((line) =>
      line.startsWith("MAIL") ? "250 OK\r\n250 once more\r\n" : usual(line),
    );
    await using way = openTransport(server.port);
    expect(kinds(await way.deliver(transaction(), never))).toEqual(["deferred"]);
    await server.gone();
    expect(server.lines).not.toContain(".");
  });

  test("a server that stops reading holds the body back, and is given up in time", async () => {
    let octets = 0;
    await using server = await startRawServer((line, socket) => {
      if (line === "DATA") socket.pause();
      return usual(line);
    });
    await using way = openTransport(server.port, { timeouts: { ...defaultSmtpTimeouts, bodyMs: 300 } });
    const chunk = Buffer.alloc(64 * 1024, `${"x".repeat(62)}\r\n`);
    const result = await way.deliver(
      transaction({
        async *body() {
          while (octets < 100_000_000) {
            octets += chunk.length;
            yield chunk;
          }
        },
      }),
      never,
    );
    expect(kinds(result)).toEqual(["deferred"]);
    // What the two kernels' buffers take, and little of ours.
    expect(octets).toBeLessThan(30_000_000);
  });

  test("no answer to QUIT: it is waited for only so long, and the connection goes", async () => {
    await using server = await startRawServer(answerWhole);
    {
      await using way = openTransport(server.port, { timeouts: { ...defaultSmtpTimeouts, quitMs: 50 } });
      expect(kinds(await way.deliver(transaction({ body: "Subject: x\r\n" }), never))).toEqual(["delivered"]);
    }
    await server.gone();
    expect(server.lines.at(-1)).toBe("QUIT");
  });

  test("plain words where the handshake after STARTTLS should be: TLS trouble of the path", async () => {
    await using server = await startRawServer((line, socket) => {
      if (line.startsWith("EHLO")) return "250-raw.example\r\n250 STARTTLS\r\n";
      if (line !== "STARTTLS") return line === "" ? usual(line) : undefined;
      socket.once("data", () => socket.write("500 what?\r\n"));
      return "220 go ahead\r\n";
    });
    await using way = openTransport(server.port, { tls: { ...plain, mode: "starttls" } });
    const result = await way.deliver(transaction(), never);
    expect(result.destination).toMatchObject({ kind: "unavailable", cause: { kind: "tls" } });
    expect(kinds(result)).toEqual(["deferred"]);
  });
});

/** Takes a message, and does not answer QUIT. */
const answerWhole: Answer = (line) => {
  if (/^(?:$|EHLO|MAIL|RCPT|DATA)/u.test(line)) return usual(line);
  return line === "." ? "250 2.0.0 taken\r\n" : undefined;
};

describe.each([true, false])("half-finished transactions, PIPELINING %s", (pipelining) => {
  const phases: readonly StandInPhase[] = ["mail", "rcpt", "data"];
  test.each(phases)("421 in phase %s is told in the server's words", async (phase) => {
    await using server = await startSmtpStandIn({
      knobs: { pipelining, at: { [phase]: { do: "reply", line: "421 4.4.2 load is too high" } } },
    });
    await using way = openTransport(server.port);
    const [first] = (await way.deliver(transaction(), never)).outcomes;
    expect(first?.outcome).toMatchObject({
      kind: "deferred",
      cause: { kind: "reply", reply: { code: 421, text: "load is too high" } },
    });
  });

  test.each([
    [{ do: "reply", line: "451 4.3.0 later" }, "deferred"],
    [{ do: "drop" }, "unconfirmed"],
  ] as const)("recipients refused before keep their own replies when the dot meets %j", async (action, kind) => {
    await using server = await startSmtpStandIn({
      knobs: { pipelining, mailboxes: new Set([at("anna")]), at: { dot: action } },
    });
    await using way = openTransport(server.port);
    const result = await way.deliver(transaction({ to: [at("nobody"), at("anna")] }), never);
    expect(kinds(result)).toEqual(["refused", kind]);
    expect(result.outcomes[0]?.outcome).toMatchObject({ cause: { phase: "rcpt", reply: { code: 550 } } });
    expect(result.outcomes[1]?.outcome).toMatchObject({ cause: { phase: "dot" } });
  });

  test("refused recipients are known although the connection was ended over them, and the server is not down for it", async () => {
    await using server = await startSmtpStandIn({
      knobs: { pipelining, mailboxes: new Set([at("anna")]), maxErrors: 2 },
    });
    await using way = openTransport(server.port);
    const result = await way.deliver(transaction({ to: [at("a"), at("b"), at("anna")] }), never);
    expect(kinds(result)).toEqual(["refused", "refused", "deferred"]);
    expect(result.destination.kind).toBe("answered");
  });

  test("MAIL refused: what was pipelined behind it is refused for that alone", async () => {
    await using server = await startSmtpStandIn({
      knobs: { pipelining, at: { mail: { do: "reply", line: "550 5.7.1 not from you" } } },
    });
    await using way = openTransport(server.port);
    const result = await way.deliver(transaction({ to: [at("a"), at("b")] }), never);
    expect(result.outcomes.map(({ outcome }) => outcome)).toMatchObject([
      { kind: "refused", cause: { phase: "mail", reply: { code: 550 } } },
      { kind: "refused", cause: { phase: "mail", reply: { code: 550 } } },
    ]);
  });

  test("421 to MAIL on a kept connection is its end, not the server's: a fresh one is taken", async () => {
    await using server = await startSmtpStandIn({ knobs: { pipelining, messagesPerConnection: 1 } });
    await using way = openTransport(server.port);
    for (let index = 0; index < 3; index++) {
      const result = await way.deliver(transaction(), never);
      expect(kinds(result)).toEqual(["delivered"]);
      expect(result.destination.kind).toBe("answered");
    }
    expect(server.connections.total).toBe(3);
  });

  test("after a refusal at the dot the connection is used again, after one before it with RSET", async () => {
    await using server = await startSmtpStandIn({
      knobs: { pipelining, at: { dot: { do: "reply", line: "554 5.6.0 no" } } },
    });
    await using way = openTransport(server.port);
    await way.deliver(transaction(), never);
    expect(server.transcript).not.toContain("1 C: RSET");
    server.set({ at: { data: { do: "reply", line: "451 4.3.0 later" } } });
    await way.deliver(transaction(), never);
    server.set({ at: {} });
    expect(kinds(await way.deliver(transaction(), never))).toEqual(["delivered"]);
    expect(server.transcript).toContain("1 C: RSET");
    expect(server.connections.total).toBe(1);
  });

  test("a server that refuses RSET is left for a fresh connection", async () => {
    await using server = await startSmtpStandIn({
      knobs: {
        pipelining,
        at: {
          data: ({ connection }) => (connection === 1 ? { do: "reply", line: "451 4.3.0 later" } : undefined),
          rset: { do: "reply", line: "550 no" },
        },
      },
    });
    await using way = openTransport(server.port);
    await way.deliver(transaction(), never);
    expect(kinds(await way.deliver(transaction(), never))).toEqual(["delivered"]);
    expect(server.connections.total).toBe(2);
  });
});

describe("secrets", () => {
  const users = new Map([["popgate", "secret"]]);
  const credentials = { user: "popgate", secret: { kind: "password" as const, read: async () => "secret" } };

  test("opportunistic TLS to a server that has not proved itself: no AUTH; with a CA: AUTH", async () => {
    await using server = await startSmtpStandIn({ tls, knobs: { auth: ["PLAIN"], users } });
    await using blind = openTransport(server.port, { tls: { ...plain, mode: "opportunistic" }, credentials });
    const result = await blind.deliver(transaction(), never);
    expect(result.destination).toMatchObject({ kind: "unavailable", cause: { phase: "auth" } });
    expect(server.transcript.some((line) => line.includes("C: AUTH"))).toBe(false);
    const ca = [certificates().ca.cert];
    await using proved = openTransport(server.port, { tls: { ...plain, mode: "opportunistic", ca }, credentials });
    expect(kinds(await proved.deliver(transaction(), never))).toEqual(["delivered"]);
  });

  test("the token goes by XOAUTH2 also where PLAIN and LOGIN are offered beside it", async () => {
    await using server = await startSmtpStandIn({
      tls,
      knobs: { auth: ["PLAIN", "LOGIN", "XOAUTH2"], users, authRequired: true },
    });
    const ca = [certificates().ca.cert];
    const secret = { kind: "oauth" as const, token: async () => "secret", invalidate: () => undefined };
    await using way = openTransport(server.port, {
      tls: { ...plain, mode: "starttls", ca },
      credentials: { user: "popgate", secret },
    });
    expect(kinds(await way.deliver(transaction(), never))).toEqual(["delivered"]);
    expect(server.transcript).toContain("1 C: AUTH XOAUTH2 ***");
  });

  test("a token that cannot be had, and a server without XOAUTH2, defer", async () => {
    await using server = await startSmtpStandIn({ tls, knobs: { auth: ["PLAIN"], users } });
    const policy = { ...plain, mode: "starttls" as const, ca: [certificates().ca.cert] };
    const token = async (): Promise<string> => {
      throw new Error("the token endpoint is down");
    };
    const secret = { kind: "oauth" as const, token, invalidate: () => undefined };
    for (const [auth, words] of [
      ["PLAIN", "does not offer AUTH XOAUTH2"],
      ["XOAUTH2", "the token endpoint is down"],
    ] as const) {
      server.set({ auth: [auth] });
      await using way = openTransport(server.port, { tls: policy, credentials: { user: "popgate", secret } });
      const { destination } = await way.deliver(transaction(), never);
      expect(destination).toMatchObject({ kind: "unavailable", cause: { phase: "auth" } });
      expect(JSON.stringify(destination)).toContain(words);
    }
  });

  test("opportunistic: a server that offers STARTTLS and refuses it gets the mail in the clear", async () => {
    await using server = await startSmtpStandIn({
      tls,
      knobs: { at: { starttls: { do: "reply", line: "454 4.7.0 not now" } } },
    });
    await using way = openTransport(server.port, { tls: { ...plain, mode: "opportunistic" } });
    expect(kinds(await way.deliver(transaction(), never))).toEqual(["delivered"]);
    await using strict = openTransport(server.port, { tls: { ...plain, mode: "starttls" } });
    const refused = await strict.deliver(transaction(), never);
    expect(refused.destination).toMatchObject({ cause: { phase: "starttls", reply: { code: 454 } } });
    expect(server.messages).toHaveLength(1);
  });
});

test("what the body threw comes back as it was: a damaged message must be known as one", async () => {
  await using server = await startSmtpStandIn();
  const damaged = new SpoolError("SPOOL_DAMAGED", "the digest does not agree");
  await using way = openTransport(server.port);
  const { bodyError } = await way.deliver(
    transaction({
      async *body() {
        yield Buffer.from("Subject: x\r\n\r\n");
        throw damaged;
      },
    }),
    never,
  );
  expect(bodyError).toBe(damaged);
  expect(damaged.code).toBe("SPOOL_DAMAGED");
  // Left in the midst of a message, QUIT would be a line of it: the connection goes, and at once.
  while (server.connections.open > 0) await new Promise(setImmediate);
  expect(server.transcript.at(-1)).toMatch(/S: 354/u);
  expect(server.messages).toHaveLength(0);
});

test("an address that nodemailer would not send is put to us, not to the server", async () => {
  await using server = await startSmtpStandIn();
  await using way = openTransport(server.port);
  const result = await way.deliver(transaction({ to: ['"a<b"@firma.example'] }), never);
  expect(result.outcomes[0]?.outcome).toMatchObject({ kind: "deferred", cause: { kind: "internal" } });
  expect(result.destination.kind).toBe("answered");
});

test("disposing waits until the server has been told", async () => {
  await using server = await startSmtpStandIn();
  const way = openTransport(server.port);
  await way.deliver(transaction(), never);
  await way[Symbol.asyncDispose]();
  expect(server.transcript.at(-1)).toBe("1 S: 221 2.0.0 bye");
});

test("a refusal in mid-body is about the message, and ends the connection", async () => {
  await using server = await startSmtpStandIn({
    knobs: { at: { body: { do: "reply", line: "552 5.3.4 too big" } } },
  });
  await using way = openTransport(server.port);
  const more = Promise.withResolvers<void>();
  const result = await way.deliver(
    transaction({
      async *body() {
        yield Buffer.from("Subject: x\r\n\r\n");
        await more.promise;
      },
    }),
    never,
  );
  more.resolve();
  expect(result.outcomes[0]?.outcome).toMatchObject({
    kind: "refused",
    cause: { phase: "body", reply: { code: 552, enhanced: "5.3.4" } },
  });
  while (server.connections.open > 0) await new Promise(setImmediate);
});

describe("nothing is left", () => {
  const count = (kind: RegExp): number => process.getActiveResourcesInfo().filter((name) => kind.test(name)).length;
  const timers = (): number => count(/^Timeout/u);
  let timersBefore = 0;
  beforeEach(() => {
    timersBefore = timers();
  });
  /** Resolves when no socket, no server and no timer of ours keeps the process alive. Never, when one is left. */
  const nothingLeft = async (): Promise<void> => {
    while (count(/^(?:TCP|TLS|GetAddrInfo)/u) > 0 || timers() > timersBefore) await new Promise(setImmediate);
  };

  const endings = (["connect", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "body", "dot"] as const).flatMap(
    (phase) => (["stop", "drop", "silence"] as const).map((how) => [phase, how] as const),
  );
  test.each(endings)("after phase %s ended by %s", async (phase, how) => {
    const stop = new AbortController();
    {
      await using server = await startSmtpStandIn({
        tls,
        knobs: {
          auth: ["PLAIN"],
          users: new Map([["popgate", "secret"]]),
          at: {
            [phase]: () => {
              if (how === "stop") stop.abort(new Error("stopping"));
              return { do: how === "drop" ? ("drop" as const) : ("silence" as const) };
            },
          },
        },
      });
      const short = how === "silence" ? 100 : 10_000;
      await using way = openTransport(server.port, {
        tls: { ...plain, mode: "starttls", ca: [certificates().ca.cert] },
        credentials: { user: "popgate", secret: { kind: "password", read: async () => "secret" } },
        timeouts: {
          connectMs: 10_000,
          greetingMs: short,
          envelopeMs: short,
          bodyMs: short,
          transactionMs: 20_000,
          stopMs: 50,
          quitMs: 100,
        },
      });
      const outcome = await way.deliver(transaction(), stop.signal).then(
        (result) => kinds(result)[0],
        (error: unknown) => error,
      );
      const late = phase === "body" || phase === "dot";
      if (how === "stop" && !late) expect(outcome).toBe(stop.signal.reason);
      // The small message had left in one piece before the server acted on its first octets.
      else expect(outcome).toBe(late ? "unconfirmed" : "deferred");
    }
    await nothingLeft();
  });

  test("after deliveries, kept connections and their disposal", async () => {
    {
      await using server = await startSmtpStandIn({ tls });
      await using way = openTransport(server.port, {
        tls: { ...plain, mode: "starttls", ca: [certificates().ca.cert] },
      });
      const results = await Promise.all(
        Array.from({ length: 5 }, async () => way.deliver(transaction(), never).then(kinds)),
      );
      expect(results.flat()).toEqual(Array.from({ length: 5 }, () => "delivered"));
      expect(server.connections.open).toBe(5);
    }
    await nothingLeft();
  });
});
