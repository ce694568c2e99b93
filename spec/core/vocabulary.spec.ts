import { describe, expect, test } from "vitest";
import { eventText } from "../../src/core/event-words.ts";
import { holdWords } from "../../src/core/hold.ts";
import { makeMessageId, parseAccountName, parseMessageId } from "../../src/core/ids.ts";
import { causeText } from "../../src/core/outcome.ts";
import { systemClock, systemRandom } from "../../src/runtime/clock.ts";

describe("queue ids", () => {
  test("sort by time, are read back in any case, and differ in the same millisecond", () => {
    const early = makeMessageId(1_700_000_000_000, { next: () => 0.99 });
    const late = makeMessageId(1_700_000_000_001, { next: () => 0 });
    expect(early < late).toBe(true);
    expect(parseMessageId(` ${early.toLowerCase()} `)).toBe(early);
    const many = new Set(Array.from({ length: 100 }, () => makeMessageId(1_700_000_000_000, systemRandom)));
    expect(many.size).toBeGreaterThan(95);
  });
  test.each(["", "X", "1234567890123A", "12345678901234 5", "../../../etc/pw"])("%j is no queue id", (text) => {
    expect(parseMessageId(text)).toBeUndefined();
  });
});

test.each([
  ["sammel", true],
  ["t-online.2", true],
  ["", false],
  ["-x", false],
  ["a b", false],
  ["x".repeat(64), false],
])("account name %j: %s", (text, good) => {
  expect(parseAccountName(text) !== undefined).toBe(good);
});

test("what a server says cannot forge a log line or steer a terminal", () => {
  const reply = { code: 550, enhanced: "5.1.1", text: "no\r\n250 forged\u001B[2J" };
  const text = eventText({ kind: "spool-failed", detail: causeText({ kind: "reply", phase: "rcpt", reply }) });
  expect(text).not.toMatch(/\p{Cc}/u);
  expect(text).toContain("rcpt: 550 5.1.1 no / 250 forged");
});

test("every hold reason says what it means and what to do", () => {
  for (const [reason, { meaning, remedy }] of Object.entries(holdWords)) {
    expect(meaning, reason).toMatch(/^[A-Z].+\.$/u);
    expect(remedy, reason).toMatch(/\.$/u);
  }
});

describe("the system's clock", () => {
  test("a sleep ends at once with the signal's own reason", async () => {
    const controller = new AbortController();
    const sleeping = systemClock.sleep(3_600_000, controller.signal);
    controller.abort(new Error("enough"));
    await expect(sleeping).rejects.toThrow("enough");
    await expect(systemClock.sleep(1, controller.signal)).rejects.toThrow("enough");
  });
  test("a sleep longer than Node's longest timer does not end at once", async () => {
    const controller = new AbortController();
    const state = { ended: false };
    const sleeping = systemClock.sleep(2 ** 32, controller.signal).finally(() => (state.ended = true));
    await systemClock.sleep(20, new AbortController().signal);
    expect(state.ended).toBe(false);
    controller.abort(new Error("enough"));
    await expect(sleeping).rejects.toThrow("enough");
  });
});
