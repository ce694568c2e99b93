import { describe, expect, it } from "vitest";
import { mustAddress } from "../../src/core/address.ts";
import type { Cause, Outcome } from "../../src/core/outcome.ts";
import { dueGroups, followUp, type Group } from "../../src/delivery/batch.ts";
import { outboundRecord } from "./outbound-records.ts";

const to = Array.from({ length: 7 }, (_, n) => `r${n}@x.example`);
const record = outboundRecord({ to });
const group: Group = [mustAddress("a@x.example"), mustAddress("b@x.example")];

const replyAt = (phase: "rcpt" | "data" | "mail" | "dot", code: number, enhanced?: string): Cause => ({
  kind: "reply",
  phase,
  reply: { code, enhanced, text: "no" },
});

describe("recipients that are due", () => {
  it("go together, as many as the target takes, and none of mail that waits for a person", () => {
    expect(dueGroups(record, 1, 5).map(({ length }) => length)).toEqual([5, 2]);
    const hold = { reason: "loop", detail: "", since: 1 } as const;
    expect(dueGroups({ ...record, hold }, 1, 5)).toEqual([]);
  });

  it("are those among whom they are asked for", () => {
    expect(dueGroups(record, 1, 5, new Set([mustAddress("r3@x.example")]))).toEqual([["r3@x.example"]]);
  });

  it.each<[string, Cause, number]>([
    ["a connection cut off at RCPT", { kind: "connection", phase: "rcpt", code: "ECONNRESET", message: "" }, 3],
    ["421 at RCPT", replyAt("rcpt", 421), 3],
    ["421 at DATA", replyAt("data", 421), 3],
    ["421 at MAIL, which no recipient has caused", replyAt("mail", 421), 7],
    ["another reply at RCPT", replyAt("rcpt", 451), 7],
    ["TLS", { kind: "tls", message: "" }, 7],
  ])("go in small groups after what too many errors cause: %s", (_, lastCause, most) => {
    const after = { ...record, recipients: record.recipients.map((one) => ({ ...one, lastCause })) };
    expect(dueGroups(after, 1, 100)[0]).toHaveLength(most);
  });
});

describe("after a transaction", () => {
  const result = (outcome: Outcome) => ({
    outcomes: group.map((recipient) => ({ recipient, outcome })),
    tooMany: [],
    destination: { kind: "answered" as const },
    bodyError: undefined,
    ms: 1,
  });

  it.each<[string, Outcome, boolean]>([
    ["550 without a status", { kind: "refused", cause: replyAt("dot", 550) }, true],
    ["551 without a status", { kind: "refused", cause: replyAt("dot", 551) }, true],
    ["553 without a status", { kind: "refused", cause: replyAt("dot", 553) }, true],
    ["554 without a status: about the message", { kind: "refused", cause: replyAt("dot", 554) }, false],
    ["550 5.7.1", { kind: "refused", cause: replyAt("dot", 550, "5.7.1") }, true],
    ["550 5.6.0: about the message", { kind: "refused", cause: replyAt("dot", 550, "5.6.0") }, false],
    ["550 at RCPT, which names whom it is about", { kind: "refused", cause: replyAt("rcpt", 550) }, false],
    ["451 after the dot", { kind: "deferred", cause: replyAt("dot", 451) }, false],
  ])("each is tried alone when the whole may have been refused for one: %s", (_, outcome, alone) => {
    expect(followUp(group, result(outcome))).toEqual(alone ? group.map((one) => [one]) : []);
    const [first] = group;
    expect(followUp([first], { ...result(outcome), outcomes: [{ recipient: first, outcome }] })).toEqual([]);
  });

  it("whoever was one too many goes in the next, unless that is everybody: it would be asked for ever", () => {
    const none = {
      ...result({ kind: "delivered", reply: { code: 250, enhanced: undefined, text: "" } }),
      outcomes: [],
    };
    expect(followUp(group, { ...none, tooMany: [group[0]] })).toEqual([[group[0]]]);
    expect(followUp(group, { ...none, tooMany: group })).toEqual([]);
  });
});
