import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { backOffMs, earliestLogin, nextRegular, nextRun, type PollFailure } from "../../src/inbound/schedule.ts";
import { hour, minute, t0 } from "./entries.ts";

const middle = { next: () => 0.5 };
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe("nextRegular", () => {
  it.each([
    ["never looked at", undefined, t0],
    ["looked at just now", t0, t0 + 5 * minute],
    ["looked at long ago", t0 - hour, t0],
    ["a clock that was set back", t0 + 24 * hour, t0 + 5 * minute],
  ])("every 5 minutes, %s", (_name, last, next) => {
    expect(nextRegular({ kind: "every", ms: 5 * minute }, last, t0)).toBe(next);
  });

  it("follows a cron pattern in its zone, strictly after now", () => {
    const times = { kind: "cron", pattern: "*/15 6-20 * * *", timezone: "Europe/Berlin" } as const;
    const at = (text: string): number => Date.parse(text);
    expect(nextRegular(times, undefined, at("2026-11-24T08:00:00Z"))).toBe(at("2026-11-24T08:15:00Z"));
    expect(nextRegular(times, undefined, at("2026-11-24T19:59:00Z"))).toBe(at("2026-11-25T05:00:00Z"));
    // Summer time ends: the hour from two to three comes twice, and the box is looked at in both or one, never in none.
    expect(nextRegular({ ...times, pattern: "0 3 * * *" }, undefined, at("2026-10-24T23:00:00Z"))).toBe(
      at("2026-10-25T02:00:00Z"),
    );
  });
});

describe("earliestLogin", () => {
  it.each([
    ["no login known", undefined, 0, undefined, t0],
    ["no rule known", t0, 0, undefined, t0],
    ["the configured minimum", t0, 15 * minute, undefined, t0 + 15 * minute],
    ["LOGIN-DELAY", t0 - minute, 0, 10 * minute, t0 + 9 * minute],
    ["the longer of the two", t0, 5 * minute, 10 * minute, t0 + 10 * minute],
    ["long ago", t0 - hour, 15 * minute, 10 * minute, t0],
    ["a clock that was set back", t0 + hour, 15 * minute, undefined, t0 + 15 * minute],
  ])("%s", (_name, last, min, delay, expected) => {
    expect(earliestLogin(last, min, delay, t0)).toBe(expected);
  });
});

describe("backOffMs", () => {
  it.each<[PollFailure, number, number]>([
    ["auth", 1, 15 * minute],
    ["auth", 2, 30 * minute],
    ["auth", 9, 6 * hour],
    ["in-use", 1, minute / 2],
    ["in-use", 9, 5 * minute],
    ["connection", 1, minute / 2],
    ["connection", 2, minute],
    ["connection", 99, 15 * minute],
    ["temporary", 99, 30 * minute],
    ["tls", 1, 10 * minute],
    ["permanent", 99, 2 * hour],
  ])("%s, failed %i time(s): about %i ms", (failure, count, expected) => {
    expect(backOffMs({ failure, count }, undefined, middle)).toBe(expected);
  });

  it("never comes back earlier than the server asked for", () => {
    fc.assert(
      fc.property(random, fc.integer({ min: 1000, max: hour }), (chance, asked) => {
        const wait = backOffMs({ failure: "login-delay", count: 1 }, asked, { next: () => chance });
        expect(wait).toBeGreaterThanOrEqual(asked);
        expect(wait).toBeLessThanOrEqual(asked * 1.1);
      }),
    );
  });

  it("spreads by a fifth either way otherwise", () => {
    fc.assert(
      fc.property(random, (chance) => {
        const wait = backOffMs({ failure: "connection", count: 2 }, undefined, { next: () => chance });
        expect(wait).toBeGreaterThanOrEqual(0.8 * minute);
        expect(wait).toBeLessThanOrEqual(1.2 * minute);
      }),
    );
  });
});

describe("nextRun", () => {
  it("counts failures of one kind, and begins anew after progress or another kind", () => {
    const first = nextRun(undefined, "connection", false);
    expect(first).toEqual({ failure: "connection", count: 1 });
    expect(nextRun(first, "connection", false).count).toBe(2);
    expect(nextRun(first, "connection", true).count).toBe(1);
    expect(nextRun(first, "auth", false)).toEqual({ failure: "auth", count: 1 });
  });
});
