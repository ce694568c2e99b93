import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addressKey, mustAddress, type Address } from "../../src/core/address.ts";
import { isEnded, nextDue, queuedRecipient, type MessageRecord, type Recipient } from "../../src/spool/record.ts";
import { drop, holdRecipients, redirect, release, retryNow, type Whom } from "../../src/spool/transitions.ts";
import type { MessageId } from "../../src/core/ids.ts";
import { draft } from "./support.ts";

const [a, b, c, other] = ["a", "b", "c", "other"].map((local) => mustAddress(`${local}@firma.example`)) as [
  Address,
  Address,
  Address,
  Address,
];
type RecipientState = Recipient["state"];

const act = { by: "the administrator", at: 5000 };
const hold = { reason: "by-administrator", detail: "", since: 5000 } as const;
const reply = { code: 250, enhanced: undefined, text: "taken" };
const cause = { kind: "internal", message: "no" } as const;
const states: Readonly<Record<RecipientState["kind"], RecipientState>> = {
  queued: { kind: "queued", nextAttemptAt: 9000, attempts: 3 },
  held: { kind: "held", hold: { reason: "refused", detail: "", since: 1 }, attempts: 2 },
  delivered: { kind: "delivered", at: 1, reply },
  bounced: { kind: "bounced", at: 1, cause },
  expired: { kind: "expired", at: 1, cause },
  dropped: { kind: "dropped", at: 1, by: "somebody" },
};

function record(...recipients: (readonly [Address, RecipientState["kind"]])[]): MessageRecord {
  return {
    ...draft(),
    recipients: recipients.map(([address, kind]) => ({ ...queuedRecipient(address, 0), state: states[kind] })),
    version: 1,
    id: "00000000000000" as MessageId,
    receivedAt: 0,
    size: 0,
    digest: "",
    attempts: [],
    noticedAt: undefined,
  };
}

const held = (): MessageRecord => ({ ...record(), hold: { reason: "envelope-missing", detail: "", since: 1 } });
const kinds = ({ recipients }: MessageRecord): string[] => recipients.map(({ state }) => state.kind);

describe("each act on each state", () => {
  const all = (): MessageRecord =>
    record(
      ...Object.keys(states).map(
        (kind, n) => [mustAddress(`${n}@firma.example`), kind as RecipientState["kind"]] as const,
      ),
    );
  const ended = ["delivered", "bounced", "expired", "dropped"];
  it.each([
    ["hold", (r: MessageRecord) => holdRecipients(r, "all", hold, act.by), ["held", "held", ...ended]],
    ["release", (r: MessageRecord) => release(r, "all", act), ["queued", "queued", ...ended]],
    ["retryNow", (r: MessageRecord) => retryNow(r, "all", act), ["queued", "held", ...ended]],
    ["redirect", (r: MessageRecord) => redirect(r, "all", other, act), ["dropped", "dropped", ...ended, "queued"]],
    ["drop", (r: MessageRecord) => drop(r, "all", act), ["dropped", "dropped", ...ended]],
  ])("%s", (_, change, expected) => {
    const after = change(all());
    expect(kinds(after)).toEqual(expected);
    expect(after.attempts.at(-1)?.text).toMatch(/ by the administrator$/u);
  });
});

it("a release starts anew, a retry keeps count", () => {
  expect(release(record([a, "held"]), "all", act)).toMatchObject({
    queuedSince: 5000,
    recipients: [{ state: { kind: "queued", nextAttemptAt: 5000, attempts: 0 } }],
  });
  expect(retryNow(record([a, "queued"]), "all", act).recipients[0]?.state).toEqual({
    kind: "queued",
    nextAttemptAt: 5000,
    attempts: 3,
  });
});

it("only those named are touched, however they are spelt", () => {
  const after = drop(record([a, "queued"], [b, "queued"]), [mustAddress("A@FIRMA.example"), c], act);
  expect(kinds(after)).toEqual(["dropped", "queued"]);
  expect(after.attempts.at(-1)?.recipients).toEqual([a]);
});

it("a message held as a whole goes to who is named, once each; without any it stays held", () => {
  const after = release(held(), [a, mustAddress("A@firma.example"), b], act);
  expect(after.hold).toBeUndefined();
  expect(after.recipients.map(({ address }) => address)).toEqual([a, b]);
  expect(nextDue(after)).toBe(5000);
  const before = held();
  expect(release(before, "all", act)).toBe(before);
  expect(release(before, [], act)).toBe(before);
  expect(redirect(held(), "all", other, act).recipients.map(({ address }) => address)).toEqual([other]);
  expect(isEnded(drop(held(), "all", act))).toBe(true);
});

it("a redirect to somebody who has had it, or is to have it, adds nobody", () => {
  expect(kinds(redirect(record([a, "held"], [b, "delivered"]), [a], b, act))).toEqual(["dropped", "delivered"]);
  expect(kinds(redirect(record([a, "held"], [b, "queued"]), "all", b, act))).toEqual(["dropped", "queued"]);
  const before = record([a, "held"]);
  expect(redirect(before, [a], a, act)).toBe(before);
});

describe("whatever is done, in any order", () => {
  const whom: fc.Arbitrary<Whom> = fc.oneof(fc.constant("all" as const), fc.subarray([a, b, c]));
  const step = fc.record({
    whom,
    to: fc.constantFrom(a, b, c, other),
    what: fc.constantFrom("hold", "release", "retry", "redirect", "drop"),
  });
  const start = fc
    .tuple(
      ...[a, b, c].map((address) =>
        fc.constantFrom(...(Object.keys(states) as RecipientState["kind"][])).map((kind) => [address, kind] as const),
      ),
    )
    .map((recipients) => record(...recipients));

  it("what has ended stays as it is, nobody is lost or doubled, and notes are bounded", () => {
    fc.assert(
      fc.property(fc.oneof(start, fc.constant(held())), fc.array(step, { maxLength: 40 }), (first, steps) => {
        let present = first;
        steps.forEach(({ what, whom, to }, n) => {
          const at = { by: "x", at: 10_000 + n };
          const before = present;
          if (what === "hold") present = holdRecipients(before, whom, { ...hold, since: at.at }, "x");
          else if (what === "release") present = release(before, whom, at);
          else if (what === "retry") present = retryNow(before, whom, at);
          else if (what === "redirect") present = redirect(before, whom, to, at);
          else present = drop(before, whom, at);
          const after = new Map(present.recipients.map((one) => [addressKey(one.address), one]));
          expect(after.size).toBe(present.recipients.length);
          for (const one of before.recipients) {
            const now = after.get(addressKey(one.address));
            expect(now).toBeDefined();
            if (!["queued", "held"].includes(one.state.kind)) expect(now?.state).toBe(one.state);
          }
          if (isEnded(before)) expect(present).toBe(before);
          expect(present.attempts.length).toBeLessThanOrEqual(20);
        });
      }),
    );
  });
});
