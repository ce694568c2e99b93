/** What the sender wishes to be told (RFC 3461): passed on recipient by recipient, where the server offers DSN. */
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { mustAddress, nullReversePath, type Address, type ReversePath } from "../../src/core/address.ts";
import type { TransactionDsn } from "../../src/delivery/transport.ts";
import { startSmtpStandIn, type SmtpStandIn } from "../../src/demo/smtp-stand-in.ts";
import type { DsnWishes } from "../../src/spool/record.ts";
import { startRawServer, usual } from "./raw-server.ts";
import { at, kinds, never, openTransport, transaction } from "./smtp-fixtures.ts";

let server: SmtpStandIn;
beforeEach(async () => {
  server = await startSmtpStandIn();
});
afterEach(async () => server.close());

const sender: ReversePath = { kind: "address", address: mustAddress("chef@firma.example") };

function wishes(...entries: readonly (readonly [string, Partial<DsnWishes>])[]): ReadonlyMap<Address, DsnWishes> {
  return new Map(entries.map(([name, more]) => [mustAddress(at(name)), { notify: [], orcpt: undefined, ...more }]));
}

function dsn(more: Partial<TransactionDsn> = {}): TransactionDsn {
  return { ret: undefined, envid: undefined, wishes: new Map(), ...more };
}

/** What the client said of MAIL and RCPT. */
function said(): string[] {
  return server.transcript.flatMap((line) => /^\d+ C: ((?:MAIL|RCPT) .*)$/u.exec(line)?.[1] ?? []);
}

describe.each([true, false])("PIPELINING %s", (pipelining) => {
  test("each recipient has its own NOTIFY and ORCPT, and the message its RET and ENVID", async () => {
    server.set({ pipelining });
    await using way = openTransport(server.port);
    const mail = transaction({
      reversePath: sender,
      to: [at("a"), at("b"), at("c"), at("d")],
      size: 0,
      dsn: dsn({
        ret: "HDRS",
        envid: "a+b=c d",
        wishes: wishes(
          ["a", { notify: ["SUCCESS", "FAILURE"], orcpt: "rfc822;Anna+x@firma.example" }],
          ["c", { notify: ["NEVER"] }],
          ["d", { orcpt: "x400;C=DE; A=x" }],
        ),
      }),
    });
    const result = await way.deliver(mail, never);
    expect(kinds(result)).toEqual(["delivered", "delivered", "delivered", "delivered"]);
    expect(result.dsnPassedOn).toBe(true);
    expect(said()).toEqual([
      "MAIL FROM:<chef@firma.example> RET=HDRS ENVID=a+2Bb+3Dc+20d",
      "RCPT TO:<a@firma.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Anna+2Bx@firma.example",
      "RCPT TO:<b@firma.example>",
      "RCPT TO:<c@firma.example> NOTIFY=NEVER",
      "RCPT TO:<d@firma.example> ORCPT=x400;C+3DDE;+20A+3Dx",
    ]);
  });

  test("some recipients refused: the others' wishes are passed on, and a kept connection forgets them", async () => {
    server.set({ pipelining, mailboxes: new Set([at("b"), at("c")]) });
    await using way = openTransport(server.port);
    const mail = transaction({
      reversePath: sender,
      to: [at("a"), at("b")],
      dsn: dsn({ wishes: wishes(["b", { notify: ["SUCCESS"] }]) }),
    });
    const mixed = await way.deliver(mail, never);
    expect(kinds(mixed)).toEqual(["refused", "delivered"]);
    expect(mixed.dsnPassedOn).toBe(true);
    expect((await way.deliver({ ...mail, recipients: [mustAddress(at("b"))] }, never)).dsnPassedOn).toBe(true);
    const plain = await way.deliver(transaction({ reversePath: sender, to: [at("b")] }), never);
    expect(plain.dsnPassedOn).toBeUndefined();
    expect(said().at(-1)).toBe("RCPT TO:<b@firma.example>");
    expect(server.connections.total).toBe(2);
  });
});

test("any wishes: every line is what RFC 3461 §4 allows, and says what was wished", async () => {
  const printable = fc.string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)) });
  const notify = fc.oneof(
    fc.constant(["NEVER" as const]),
    fc.subarray(["SUCCESS" as const, "FAILURE" as const, "DELAY" as const]),
  );
  const one = fc.record({ notify, orcpt: fc.option(printable, { nil: undefined }) });
  await using way = openTransport(server.port);
  await fc.assert(
    fc.asyncProperty(fc.array(one, { minLength: 1, maxLength: 5 }), fc.option(printable), async (list, envid) => {
      const before = said().length;
      const names = list.map((_, index) => `u${index}`);
      const entries = list.map((wish, index) => {
        const orcpt = wish.orcpt === undefined ? undefined : `rfc822;${wish.orcpt}`;
        return [`u${index}`, { notify: wish.notify, orcpt }] as const;
      });
      const mail = transaction({
        reversePath: sender,
        to: names.map((name) => at(name)),
        dsn: dsn({ envid: envid ?? undefined, wishes: wishes(...entries) }),
      });
      // The stand-in takes nothing that the grammar does not allow.
      expect(kinds(await way.deliver(mail, never))).toEqual(names.map(() => "delivered"));
      for (const [index, line] of said()
        .slice(before + 1)
        .entries()) {
        const parameters = line.split(" ").slice(2);
        const value = (name: string): string | undefined =>
          parameters.find((parameter) => parameter.startsWith(`${name}=`))?.slice(name.length + 1);
        const decoded = value("ORCPT")?.replace(/\+([0-9A-F]{2})/gu, (_, hex: string) =>
          String.fromCharCode(Number.parseInt(hex, 16)),
        );
        const { notify: wished, orcpt } = list[index] ?? { notify: [], orcpt: undefined };
        expect(value("NOTIFY") ?? "").toBe(wished.join(","));
        if (orcpt === undefined || orcpt === "") expect(decoded).toBeUndefined();
        else expect(decoded).toBe(`rfc822;${orcpt}`);
      }
    }),
    { numRuns: 30 },
  );
});

test("no wishes, nothing is added", async () => {
  await using way = openTransport(server.port);
  const result = await way.deliver(transaction({ reversePath: sender, size: 0 }), never);
  expect(said()).toEqual(["MAIL FROM:<chef@firma.example>", "RCPT TO:<anna@firma.example>"]);
  expect(result.dsnPassedOn).toBeUndefined();
});

test("mail with the null reverse path is never reported about, and says so", async () => {
  await using way = openTransport(server.port);
  const mail = { reversePath: nullReversePath, size: 0 };
  await way.deliver(transaction(mail), never);
  await way.deliver(
    transaction({
      ...mail,
      dsn: dsn({ ret: "FULL", envid: "x", wishes: wishes(["anna", { notify: ["SUCCESS"] }]) }),
    }),
    never,
  );
  const lines = ["MAIL FROM:<>", "RCPT TO:<anna@firma.example> NOTIFY=NEVER"];
  expect(said()).toEqual([...lines, ...lines]);
});

test("a server without DSN: nothing is added, and the reports are ours to make", async () => {
  server.set({ dsn: false });
  await using way = openTransport(server.port);
  const wished = dsn({ ret: "FULL", envid: "x", wishes: wishes(["anna", { notify: ["SUCCESS"] }]) });
  const result = await way.deliver(transaction({ reversePath: sender, size: 0, dsn: wished }), never);
  await way.deliver(transaction({ size: 0 }), never);
  expect(kinds(result)).toEqual(["delivered"]);
  expect(result.dsnPassedOn).toBeUndefined();
  expect(said()).toEqual([
    "MAIL FROM:<chef@firma.example>",
    "RCPT TO:<anna@firma.example>",
    "MAIL FROM:<>",
    "RCPT TO:<anna@firma.example>",
  ]);
});

test("a keyword that only looks like DSN is none", async () => {
  await using raw = await startRawServer((line) => {
    if (line.startsWith("EHLO")) return "250-raw.example greets you, and has no DSN\r\n250 X-DSN\r\n";
    return line === "Subject: x" ? undefined : usual(line);
  });
  await using way = openTransport(raw.port);
  const wished = dsn({ ret: "FULL", wishes: wishes(["anna", { notify: ["SUCCESS"] }]) });
  const result = await way.deliver(
    transaction({ reversePath: sender, size: 0, body: "Subject: x\r\n", dsn: wished }),
    never,
  );
  expect(kinds(result)).toEqual(["delivered"]);
  expect(result.dsnPassedOn).toBeUndefined();
  expect(raw.lines).toContain("MAIL FROM:<chef@firma.example>");
});

test("what no parameter can carry is left out: too long, not ASCII, without an address type, with a line end", async () => {
  await using way = openTransport(server.port);
  for (const envid of ["x".repeat(101), "=".repeat(34), "ü", "a\r\nRSET"])
    await way.deliver(transaction({ reversePath: sender, size: 0, dsn: dsn({ envid }) }), never);
  for (const orcpt of [`rfc822;${"x".repeat(500)}`, "rfc822;jörg@x.example", "anna", "rfc822;", "rfc822;a\r\nRSET"])
    await way.deliver(
      transaction({ reversePath: sender, size: 0, dsn: dsn({ wishes: wishes(["anna", { orcpt }]) }) }),
      never,
    );
  expect(new Set(said())).toEqual(new Set(["MAIL FROM:<chef@firma.example>", "RCPT TO:<anna@firma.example>"]));
  expect(server.messages).toHaveLength(9);
});

describe("a server that offers DSN and refuses what it brings", () => {
  const wished = dsn({ ret: "FULL", wishes: wishes(["a", { notify: ["SUCCESS"] }], ["b", { notify: ["SUCCESS"] }]) });
  const mail = transaction({ reversePath: sender, size: 0, to: [at("a"), at("b")], dsn: wished });

  test.each(["mail", "rcpt"] as const)("at %s: deferred, not bounced; then without", async (phase) => {
    server.set({ at: { [phase]: { do: "reply", line: "555 5.5.4 Unsupported option" } } });
    await using way = openTransport(server.port);
    const first = await way.deliver(mail, never);
    expect(kinds(first)).toEqual(["deferred", "deferred"]);
    expect(first.outcomes[0]?.outcome).toMatchObject({ cause: { kind: "reply", phase, reply: { code: 555 } } });
    // Not for the wishes: this server refuses whatever comes.
    expect(kinds(await way.deliver(mail, never))).toEqual(["refused", "refused"]);
    server.set({ at: {} });
    const plain = await way.deliver(mail, never);
    expect(kinds(plain)).toEqual(["delivered", "delivered"]);
    expect(plain.dsnPassedOn).toBeUndefined();
    expect(said().slice(-3)).toEqual([
      "MAIL FROM:<chef@firma.example>",
      "RCPT TO:<a@firma.example>",
      "RCPT TO:<b@firma.example>",
    ]);
  });

  test("501 that speaks of an address is about the address", async () => {
    server.set({ at: { rcpt: { do: "reply", line: "501 5.1.3 Bad recipient address syntax" } } });
    await using way = openTransport(server.port);
    expect(kinds(await way.deliver(mail, never))).toEqual(["refused", "refused"]);
  });
});
