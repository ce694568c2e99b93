import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mustAddress, type Address } from "../../src/core/address.ts";
import type { Cause, Outcome } from "../../src/core/outcome.ts";
import { notOwing, owing } from "../../src/delivery/owed.ts";
import { settleOutbound, type OutboundContext } from "../../src/delivery/settle-outbound.ts";
import { isEnded, type MessageRecord, type OwedReport, wantsReport } from "../../src/spool/record.ts";
import {
  chef,
  journal,
  kindsOf,
  outboundRecord,
  ownReport,
  reply,
  stateOf,
  unreachable,
  wishes,
  type Notify,
} from "./outbound-records.ts";

const [a, b, c] = ["a", "b", "c"].map((local) => mustAddress(`${local}@x.example`)) as [Address, Address, Address];
const now = 100_000;
const rules = { retryMs: [60_000, 120_000] };
const context: OutboundContext = {
  now,
  random: { next: () => 0.5 },
  destination: "relay one",
  unavailable: false,
  dsnPassedOn: false,
  account: undefined,
};

const delivered: Outcome = { kind: "delivered", reply: { code: 250, enhanced: "2.0.0", text: "taken" } };
const refused: Outcome = { kind: "refused", cause: reply(550, "5.1.1") };
const deferred = (cause: Cause): Outcome => ({ kind: "deferred", cause });

function settle(
  record: MessageRecord,
  outcomes: Readonly<Record<Address, Outcome>>,
  more: Partial<OutboundContext> = {},
): MessageRecord {
  const results = Object.entries(outcomes).map(([text, outcome]) => ({ recipient: mustAddress(text), outcome }));
  return settleOutbound(record, results, rules, { ...context, ...more });
}

const debts = ({ owed = [] }: MessageRecord): [string, readonly Address[]][] =>
  owed.map(({ kind, recipients }) => [kind, recipients]);

describe("which report is owed", () => {
  const notify: readonly (readonly Notify[])[] = [
    [],
    ["NEVER"],
    ["SUCCESS"],
    ["FAILURE"],
    ["DELAY"],
    ["SUCCESS", "FAILURE"],
    ["FAILURE", "DELAY"],
    ["SUCCESS", "FAILURE", "DELAY"],
  ];
  it.each(notify.map((list) => [list.join(",") || "no NOTIFY", list] as const))("%s", (_, list) => {
    const record = outboundRecord({ to: [["a@x.example", list.length === 0 ? undefined : wishes(...list)]] });
    const wantsFailure = list.length === 0 || list.includes("FAILURE");
    const bounced = settle(record, { [a]: refused });
    expect(stateOf(bounced, a)).toEqual({ kind: "bounced", at: now, cause: reply(550, "5.1.1") });
    expect(debts(bounced)).toEqual(wantsFailure ? [["failed", [a]]] : []);
    expect(isEnded(bounced)).toBe(!wantsFailure);

    const taken = settle(record, { [a]: delivered });
    expect(debts(taken)).toEqual(list.includes("SUCCESS") ? [["relayed", [a]]] : []);
    // The server that takes the wish over reports by itself.
    expect(debts(settle(record, { [a]: delivered }, { dsnPassedOn: true }))).toEqual([]);
  });

  it("none, of any kind, to the null reverse path", () => {
    const record = outboundRecord({ ...ownReport, to: [["a@x.example", wishes("SUCCESS", "FAILURE", "DELAY")]] });
    for (const kind of ["failed", "delayed", "relayed"] as const)
      expect(wantsReport(record, record.recipients[0] ?? { dsn: undefined }, kind)).toBe(false);
    expect(debts(settle(record, { [a]: delivered }))).toEqual([]);
    expect(debts(settle(record, { [a]: refused }))).toEqual([]);
  });

  it("one for all that were refused at once, which later ones join until it is made", () => {
    const record = outboundRecord({ to: ["a@x.example", "b@x.example", "c@x.example"] });
    const first = settle(record, { [a]: refused, [b]: refused, [c]: deferred(reply(450, "4.2.0")) });
    expect(debts(first)).toEqual([["failed", [a, b]]]);
    const second = settle(first, { [c]: refused }, { now: now + 5000 });
    expect(second.owed).toEqual([{ kind: "failed", recipients: [a, b, c], since: now }]);
    const made = notOwing(first, "failed", [a, b]);
    expect(settle(made, { [c]: refused }, { now: now + 5000 }).owed).toEqual([
      { kind: "failed", recipients: [c], since: now + 5000 },
    ]);
  });

  it("success and failure of one message are two", () => {
    const record = outboundRecord({ to: [["a@x.example", wishes("SUCCESS")], "b@x.example"] });
    expect(debts(settle(record, { [a]: delivered, [b]: refused }))).toEqual([
      ["failed", [b]],
      ["relayed", [a]],
    ]);
  });
});

describe("what ends an attempt", () => {
  it("a deferral is tried again by the schedule, however long it has lasted: nothing expires here", () => {
    const cause = reply(451, "4.2.0");
    const record = outboundRecord({ at: now - 30 * 86_400_000 });
    const once = settle(record, { [a]: deferred(cause) });
    expect(once.recipients[0]).toMatchObject({ lastCause: cause, unconfirmed: 0 });
    expect(stateOf(once, a)).toEqual({ kind: "queued", nextAttemptAt: now + 60_000, attempts: 1 });
    expect(stateOf(settle(once, { [a]: deferred(cause) }), a)).toMatchObject({
      nextAttemptAt: now + 120_000,
      attempts: 2,
    });
    expect(once.attempts).toEqual([
      { at: now, destination: "relay one", recipients: [a], text: "deferred: rcpt: 451 4.2.0 no" },
    ]);
  });

  it("a target that is not to be had costs nothing", () => {
    const after = settle(outboundRecord(), { [a]: deferred(unreachable) }, { unavailable: true });
    expect(after.recipients[0]).toMatchObject({
      state: { kind: "queued", nextAttemptAt: 0, attempts: 0 },
      lastCause: unreachable,
    });
    // Lost in the midst of a message: that may be the message's doing.
    const lost: Cause = { kind: "connection", phase: "body", code: "ECONNRESET", message: "lost" };
    expect(stateOf(settle(outboundRecord(), { [a]: deferred(lost) }, { unavailable: true }), a)).toMatchObject({
      attempts: 1,
    });
  });

  it.each(["auth", "sender", "quota"] as const)(
    "trouble with the account (%s) costs nothing and bounces nothing",
    (trouble) => {
      const cause = reply(553, "5.7.1", "mail");
      const after = settle(outboundRecord(), { [a]: deferred(cause) }, { account: { trouble, cause } });
      expect(after.recipients[0]).toMatchObject({
        state: { kind: "queued", nextAttemptAt: 0, attempts: 0 },
        lastCause: cause,
      });
      expect(after.owed).toBeUndefined();
    },
  );

  it("a connection lost after the final dot is counted, and tried again", () => {
    const cause: Cause = { kind: "connection", phase: "dot", code: "ECONNRESET", message: "lost" };
    const after = settle(outboundRecord(), { [a]: { kind: "unconfirmed", cause } }, { unavailable: true });
    expect(after.recipients[0]).toMatchObject({ unconfirmed: 1, state: { kind: "queued", attempts: 1 } });
    expect(after.recipients[0]?.state).toMatchObject({ nextAttemptAt: now + 60_000 });
  });

  it.each<[string, Cause, string]>([
    ["SMTPUTF8", { kind: "extension", missing: "SMTPUTF8", message: "" }, "bounced"],
    ["8BITMIME", { kind: "extension", missing: "8BITMIME", message: "" }, "bounced"],
    ["a larger SIZE", { kind: "size", limit: 1, size: 2 }, "bounced"],
    ["REQUIRETLS", { kind: "extension", missing: "REQUIRETLS", message: "" }, "queued"],
  ])("a server without %s", (_, cause, kind) => {
    const after = settle(outboundRecord(), { [a]: { kind: "refused", cause } });
    expect(after.recipients[0]).toMatchObject({ state: { kind }, lastCause: cause });
    if (kind === "queued") expect(stateOf(after, a)).toMatchObject({ nextAttemptAt: now + 60_000, attempts: 1 });
  });

  it("submitted mail with the null reverse path is held when it is refused; a report of our own ends", () => {
    const held = settle(outboundRecord(journal), { [a]: refused });
    expect(stateOf(held, a)).toEqual({
      kind: "held",
      hold: { reason: "refused", detail: "rcpt: 550 5.1.1 no", since: now },
      attempts: 1,
    });
    expect(held.owed).toBeUndefined();
    const ended = settle(outboundRecord(ownReport), { [a]: refused });
    expect(kindsOf(ended)).toEqual(["bounced"]);
    expect(isEnded(ended)).toBe(true);
  });
});

describe("what a person, or time, has decided meanwhile", () => {
  const dropped = { kind: "dropped", at: 5, by: "x" } as const;
  const withState = (state: MessageRecord["recipients"][number]["state"], owed?: OwedReport[]): MessageRecord => {
    const record = outboundRecord();
    return { ...record, recipients: record.recipients.map((one) => ({ ...one, state })), owed };
  };

  it("stays, without a report", () => {
    for (const outcome of [refused, deferred(reply(450, "4.0.0"))]) {
      const after = settle(withState(dropped), { [a]: outcome });
      expect(stateOf(after, a)).toEqual(dropped);
      expect(debts(after)).toEqual([]);
    }
  });

  it("gives way to delivery, which takes back what has not been reported yet", () => {
    const cause = reply(451, "4.4.1");
    const owed: OwedReport[] = [
      { kind: "failed", recipients: [a], since: 1 },
      { kind: "delayed", recipients: [a], since: 1 },
    ];
    const after = settle(withState({ kind: "expired", at: 5, cause }, owed), { [a]: delivered });
    expect(kindsOf(after)).toEqual(["delivered"]);
    expect(after.owed).toEqual([]);
    expect(kindsOf(settle(withState(dropped), { [a]: delivered }))).toEqual(["delivered"]);
  });

  it("is not reported twice when it was delivered before", () => {
    const record = outboundRecord({ to: [["a@x.example", wishes("SUCCESS")]] });
    const once = notOwing(settle(record, { [a]: delivered }), "relayed", [a]);
    const twice = settle(once, { [a]: delivered }, { now: now + 1 });
    expect(stateOf(twice, a)).toMatchObject({ at: now });
    expect(debts(twice)).toEqual([]);
  });

  it("a notice of delay that has not been made is not made after the end", () => {
    const owed: OwedReport[] = [{ kind: "delayed", recipients: [a, b], since: 1 }];
    const record = outboundRecord({ to: ["a@x.example", "b@x.example"] }, { owed });
    expect(debts(settle(record, { [a]: refused }))).toEqual([
      ["delayed", [b]],
      ["failed", [a]],
    ]);
    expect(debts(settle(record, { [a]: delivered, [b]: deferred(reply(450, "4.0.0")) }))).toEqual([["delayed", [b]]]);
  });
});

describe("debts", () => {
  it("are the same record when nothing changes", () => {
    const record = outboundRecord({}, { owed: [{ kind: "failed", recipients: [a], since: 1 }] });
    expect(owing(record, "failed", [], 5)).toBe(record);
    expect(notOwing(record, "failed", [b])).toBe(record);
    expect(notOwing(record, "delayed", [a])).toBe(record);
  });

  it("a report that is made while another recipient joins leaves that one owed", () => {
    const record = owing(outboundRecord(), "failed", [a], 1);
    const joined = owing(record, "failed", [b], 2);
    expect(notOwing(joined, "failed", record.owed?.[0]?.recipients ?? []).owed).toEqual([
      { kind: "failed", recipients: [b], since: 1 },
    ]);
  });
});

it("whatever happens, each recipient that ended in failure and wanted to know is owed exactly once", () => {
  const outcome = fc.constantFrom<Outcome>(
    delivered,
    refused,
    deferred(reply(450, "4.2.0")),
    deferred(unreachable),
    { kind: "unconfirmed", cause: { kind: "connection", phase: "dot", code: "X", message: "" } },
    { kind: "refused", cause: { kind: "extension", missing: "REQUIRETLS", message: "" } },
  );
  const notify = fc.constantFrom(undefined, wishes("NEVER"), wishes("SUCCESS"), wishes("SUCCESS", "FAILURE"));
  const step = fc.record({
    outcomes: fc.dictionary(fc.constantFrom(a, b, c), outcome, { noNullPrototype: true }),
    more: fc.record({ unavailable: fc.boolean(), dsnPassedOn: fc.boolean() }),
  });
  fc.assert(
    fc.property(fc.tuple(notify, notify, notify), fc.array(step, { maxLength: 12 }), (dsn, steps) => {
      let record = outboundRecord({
        to: [
          ["a@x.example", dsn[0]],
          ["b@x.example", dsn[1]],
          ["c@x.example", dsn[2]],
        ],
        from: chef,
      });
      for (const { outcomes, more } of steps) {
        const before = record;
        record = settle(before, outcomes, more);
        record.recipients.forEach((one, n) => {
          const { state } = before.recipients[n] ?? one;
          // Nothing but delivery changes what has ended.
          if (state.kind !== "queued" && one.state.kind !== "delivered") expect(one.state).toBe(state);
        });
      }
      const failed = (record.owed ?? [])
        .filter(({ kind }) => kind === "failed")
        .flatMap(({ recipients }) => recipients);
      const expected = record.recipients.filter(
        (one) => one.state.kind === "bounced" && wantsReport(record, one, "failed"),
      );
      expect(failed.toSorted()).toEqual(expected.map(({ address }) => address).toSorted());
      expect(new Set((record.owed ?? []).map(({ kind }) => kind)).size).toBe((record.owed ?? []).length);
    }),
  );
});
