import { describe, expect, it } from "vitest";
import { mustAddress, nullReversePath } from "../../src/core/address.ts";
import { returnToSender, whyNotReturned } from "../../src/delivery/return-to-sender.ts";
import type { MessageRecord } from "../../src/spool/record.ts";
import { outboundRecord, reply, wishes } from "./outbound-records.ts";

const a = mustAddress("a@x.example");
const b = mustAddress("b@x.example");
const act = { by: "web:erika", at: 7 };
const record = outboundRecord({ to: ["a@x.example", "b@x.example"] });
const kinds = ({ recipients }: MessageRecord): string[] => recipients.map(({ state }) => state.kind);

describe("mail that a person returns to its sender", () => {
  it("bounces for everybody who has not had it, and the sender is owed one report of all", () => {
    const returned = returnToSender(record, "all", act);
    expect(kinds(returned)).toEqual(["bounced", "bounced"]);
    expect(returned.owed).toEqual([{ kind: "failed", recipients: [a, b], since: 7 }]);
    expect(returned.recipients[0]?.state).toMatchObject({ cause: { kind: "returned", by: "web:erika" } });
    expect(returned.attempts.at(-1)?.text).toBe("returned to the sender by web:erika");
  });

  it("bounces for those named alone, whatever the case they are named in", () => {
    const returned = returnToSender(record, [mustAddress("B@X.example")], act);
    expect(kinds(returned)).toEqual(["queued", "bounced"]);
    expect(returned.owed).toEqual([{ kind: "failed", recipients: [b], since: 7 }]);
  });

  it("gives as reason what the last attempt ran into", () => {
    const [first, ...rest] = record.recipients;
    if (first === undefined) throw new Error("nobody");
    const tried = { ...record, recipients: [{ ...first, lastCause: reply(451, "4.7.1") }, ...rest] };
    expect(returnToSender(tried, [a], act).recipients[0]?.state).toMatchObject({ cause: { reply: { code: 451 } } });
  });

  it("owes no report to a sender who wants none, and none of a delay that is over", () => {
    const silent = outboundRecord({ to: [["a@x.example", wishes("NEVER")]] });
    const late = { ...silent, owed: [{ kind: "delayed" as const, recipients: [a], since: 1 }] };
    const returned = returnToSender(late, "all", act);
    expect(kinds(returned)).toEqual(["bounced"]);
    expect(returned.owed).toEqual([]);
  });

  const had = { kind: "delivered", at: 1, reply: { code: 250, enhanced: undefined, text: "" } } as const;
  it.each([
    ["has had it", { ...record, recipients: record.recipients.map((one) => ({ ...one, state: had })) }, "all" as const],
    ["is not named", record, [mustAddress("c@x.example")]],
    ["wrote from outside: the sender may be forged", { ...record, direction: "inbound" as const }, "all" as const],
    ["sent a report himself", { ...record, reversePath: nullReversePath }, "all" as const],
  ])("stays as it is for who %s", (_, given, whom) => {
    expect(returnToSender(given, whom, act)).toBe(given);
  });

  it("and the person is told why not", () => {
    expect(whyNotReturned(record)).toBeUndefined();
    expect(whyNotReturned({ ...record, direction: "inbound" })).toMatch(/may be forged/u);
    expect(whyNotReturned({ ...record, reversePath: nullReversePath })).toMatch(/no sender/u);
  });
});
