import { describe, expect, it } from "vitest";
import { mustAddress } from "../../src/core/address.ts";
import type { Cause, Outcome } from "../../src/core/outcome.ts";
import { isTargets, settle, settleDamaged } from "../../src/delivery/settle.ts";
import { retryDelayMs } from "../../src/delivery/retry.ts";
import type { MessageRecord, Recipient } from "../../src/spool/record.ts";
import { delivered, replied } from "./fixtures.ts";
import { outboundRecord } from "./outbound-records.ts";

const a = mustAddress("a@x.example");
const minute = 60_000;
const rules = { retryMs: [minute], giveUpMs: 5 * 24 * 60 * minute, onReject: { kind: "hold" } } as const;
const context = { now: 10, random: { next: () => 0.5 }, destination: "exchange", unavailable: false };

const withState = (state: Recipient["state"]): MessageRecord => {
  const record = outboundRecord();
  return { ...record, recipients: record.recipients.map((one) => ({ ...one, state })) };
};
const settled = (record: MessageRecord, outcome: Outcome): Recipient["state"] | undefined =>
  settle(record, [{ recipient: a, outcome }], rules, context).recipients[0]?.state;

describe("what a person has decided while the mail was on its way", () => {
  const dropped = { kind: "dropped", at: 5, by: "web:erika" } as const;
  const hold = { reason: "by-administrator", detail: "", since: 5 } as const;
  const held = { kind: "held", hold, attempts: 2 } as const;

  it.each<[string, Outcome]>([
    ["deferred", replied("deferred", 451, "4.3.0")],
    ["refused", replied("refused", 550, "5.1.1")],
    ["unconfirmed", { kind: "unconfirmed", cause: { kind: "tls", message: "" } }],
  ])("stands when it was %s", (_, outcome) => {
    expect(settled(withState(dropped), outcome)).toEqual(dropped);
    expect(settled(withState(held), outcome)).toEqual(held);
  });

  it("gives way to a delivery: that has happened, whatever was decided", () => {
    expect(settled(withState(dropped), delivered)).toMatchObject({ kind: "delivered" });
  });
});

it("a message whose octets cannot be read is held for those who wait, and for nobody else", () => {
  const at = { kind: "delivered", at: 1, reply: { code: 250, enhanced: undefined, text: "" } } as const;
  const record = outboundRecord({ to: ["a@x.example", "b@x.example"] });
  const [first, second] = record.recipients;
  if (first === undefined || second === undefined) throw new Error("nobody");
  const damaged = settleDamaged({ ...record, recipients: [first, { ...second, state: at }] }, "chunk 1", 9);
  expect(damaged.recipients.map(({ state }) => state)).toEqual([
    { kind: "held", hold: { reason: "damaged", detail: "chunk 1", since: 9 }, attempts: 1 },
    at,
  ]);
});

const replyAt = (phase: "mail" | "rcpt" | "auth", enhanced?: string): Cause => ({
  kind: "reply",
  phase,
  reply: { code: 451, enhanced, text: "" },
});

it.each<[string, Cause, boolean]>([
  ["TLS", { kind: "tls", message: "" }, true],
  ["a login", replyAt("auth"), true],
  ["back pressure", replyAt("rcpt", "4.3.1"), true],
  ["a reply without a status at RCPT", replyAt("rcpt"), false],
  ["a connection lost at MAIL", { kind: "connection", phase: "mail", code: "ECONNRESET", message: "" }, false],
  ["a connection that does not come about", { kind: "connection", phase: "connect", code: "", message: "" }, true],
  ["a size", { kind: "size", limit: 1, size: 2 }, false],
  ["a fault of our own", { kind: "internal", message: "" }, false],
])("trouble with %s is the target's, or the message's", (_, cause, expected) => {
  expect(isTargets(cause)).toBe(expected);
});

it("the last pause repeats, and without any configured there is one all the same", () => {
  const random = { next: () => 0.5 };
  expect(retryDelayMs([1000, 2000], 1, random)).toBe(1000);
  expect(retryDelayMs([1000, 2000], 9, random)).toBe(2000);
  expect(retryDelayMs([1000, 2000], 0, random)).toBe(2000);
  expect(retryDelayMs([], 1, random)).toBe(minute);
});
