import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { relayMemory } from "../../src/core/ids.ts";
import {
  budgetFromJson,
  budgetToJson,
  freeIn,
  freshBudget,
  nextFreeAt,
  seenAt,
  spend,
  unspend,
  type RateLimit,
} from "../../src/delivery/rate-budget.ts";
import { RateLimiter } from "../../src/delivery/rate-limiter.ts";
import { SpoolError } from "../../src/spool/port.ts";
import { ManualClock } from "../fakes/manual-clock.ts";

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** The most that fell into any stretch of time as long as the limit. */
function worst(times: readonly number[], perMs: number): number {
  let most = 0;
  for (let end = 0, begin = 0; end < times.length; end++) {
    while ((times[end] ?? 0) - (times[begin] ?? 0) >= perMs) begin += 1;
    most = Math.max(most, end - begin + 1);
  }
  return most;
}

const limits = fc.array(
  fc.record({ messages: fc.integer({ min: 1, max: 40 }), perMs: fc.constantFrom(1000, minute, hour, day) }),
  { minLength: 1, maxLength: 3 },
);

describe("a budget", () => {
  test("is never overdrawn in any stretch of time, and what is due is free when it says so", () => {
    fc.assert(
      fc.property(limits, fc.array(fc.integer({ min: 0, max: 20 * minute }), { maxLength: 150 }), (rates, pauses) => {
        let budget = freshBudget(rates);
        let now = 1_000_000;
        const times: number[] = [];
        for (const pause of pauses) {
          now += pause;
          if (freeIn(budget, now) === 0) now = nextFreeAt(budget, now);
          expect(freeIn(budget, now)).toBeGreaterThan(0);
          budget = spend(budget, now, 1, now);
          times.push(now);
        }
        for (const { messages, perMs } of rates) expect(worst(times, perMs)).toBeLessThanOrEqual(messages);
      }),
    );
  });

  test("waits at most a sixtieth of the limit's length longer than needed", () => {
    let budget = freshBudget([{ messages: 1, perMs: hour }]);
    budget = spend(budget, 5 * hour + 1, 1, 5 * hour + 1);
    const free = nextFreeAt(budget, 5 * hour + 1);
    expect(free).toBeGreaterThan(6 * hour);
    expect(free).toBeLessThanOrEqual(6 * hour + minute + 1);
  });

  test("keeps few numbers whatever is sent", () => {
    let budget = freshBudget([{ messages: 1_000_000, perMs: day }]);
    for (let now = day; now < 3 * day; now += 10_000) budget = spend(budget, now, 1, now);
    expect(JSON.stringify(budgetToJson(budget)).length).toBeLessThan(2000);
  });

  test("a clock that is set back makes nobody wait longer than the limit is long", () => {
    const budget = seenAt(spend(freshBudget([{ messages: 1, perMs: hour }]), 100 * day, 1, 100 * day), day);
    expect(freeIn(budget, day)).toBe(0);
    const free = nextFreeAt(budget, day);
    expect(free).toBeLessThanOrEqual(day + hour + minute);
    expect(freeIn(budget, free)).toBe(1);
  });

  test("what was taken back is free again, and the others count as long as before", () => {
    fc.assert(
      fc.property(limits, fc.array(fc.boolean(), { maxLength: 100 }), (rates, uses) => {
        let budget = freshBudget(rates);
        let now = 1_000_000;
        const used: number[] = [];
        for (const isUsed of uses) {
          now = nextFreeAt(budget, now + 700);
          budget = spend(budget, now, 1, now);
          if (isUsed) used.push(now);
          else budget = unspend(budget, now);
        }
        for (const { messages, perMs } of rates) expect(worst(used, perMs)).toBeLessThanOrEqual(messages);
      }),
    );
  });

  test.each([
    undefined,
    null,
    "x",
    [1, 2],
    [{ perMs: minute }],
    [{ perMs: "x", slots: [] }],
    [{ perMs: minute, slots: ["x", [1], [NaN, 1], [1, -5], [1.5, 2]] }],
  ])("stored as %j counts as nothing spent", (json) => {
    expect(freeIn(budgetFromJson(json, [{ messages: 7, perMs: minute }], day), day)).toBe(7);
  });

  test("comes back as it was stored; a limit that is new takes over what the longest remembers", () => {
    const now = 100 * day;
    const budget = spend(freshBudget([{ messages: 10, perMs: day }]), now - hour, 4, now - hour);
    const json: unknown = JSON.parse(JSON.stringify(budgetToJson(budget)));
    expect(freeIn(budgetFromJson(json, [{ messages: 10, perMs: day }], now), now)).toBe(6);
    expect(freeIn(budgetFromJson(json, [{ messages: 5, perMs: 2 * day }], now), now)).toBe(1);
    expect(freeIn(budgetFromJson(json, [{ messages: 5, perMs: minute }], now), now)).toBe(5);
  });
});

/** A ledger of one value, as it would be found after a kill. */
class OneValue {
  value: unknown;
  writes = 0;
  fails = false;

  async state(): Promise<unknown> {
    return this.value;
  }

  async putState(_: unknown, state: unknown): Promise<void> {
    if (this.fails) throw new SpoolError("SPOOL_FAILED", "no");
    this.writes += 1;
    this.value = JSON.parse(JSON.stringify(state));
  }
}

function limiter(rates: readonly RateLimit[], ledger: OneValue, clock: ManualClock): RateLimiter {
  return new RateLimiter(relayMemory("one"), rates, { ledger, clock });
}

describe("a limiter", () => {
  test("is never overdrawn, however often it is killed and at which moment", async () => {
    await fc.assert(
      fc.asyncProperty(
        limits,
        fc.array(fc.record({ pause: fc.integer({ min: 0, max: 2 * minute }), killed: fc.boolean() }), {
          maxLength: 120,
        }),
        async (rates, steps) => {
          const clock = new ManualClock();
          const ledger = new OneValue();
          let present = limiter(rates, ledger, clock);
          const sent: number[] = [];
          for (const { pause, killed } of steps) {
            clock.set(clock.now() + pause);
            if (killed) present = limiter(rates, ledger, clock);
            if (await present.take()) sent.push(clock.now());
          }
          for (const { messages, perMs } of rates) expect(worst(sent, perMs)).toBeLessThanOrEqual(messages);
        },
      ),
      { numRuns: 60 },
    );
  });

  test("writes down blocks, not each message", async () => {
    const clock = new ManualClock();
    const ledger = new OneValue();
    const present = limiter([{ messages: 1000, perMs: hour }], ledger, clock);
    for (let index = 0; index < 1000; index++) expect(await present.take()).toBe(true);
    expect(await present.take()).toBe(false);
    expect(ledger.writes).toBe(20);
    expect(present.freeAt()).toBeGreaterThan(clock.now() + hour - 1);
  });

  test("a kill loses at most a block", async () => {
    const clock = new ManualClock();
    const ledger = new OneValue();
    const rates = [{ messages: 100, perMs: hour }];
    await limiter(rates, ledger, clock).take();
    const next = limiter(rates, ledger, clock);
    await next.load();
    expect(next.free()).toBe(95);
  });

  test("many at the same time share one block and are not given more than it has", async () => {
    const clock = new ManualClock();
    const present = limiter([{ messages: 10, perMs: hour }], new OneValue(), clock);
    const taken = await Promise.all(Array.from({ length: 30 }, async () => present.take()));
    expect(taken.filter(Boolean)).toHaveLength(10);
  });

  test("what cannot be written down is not allowed, and is tried again soon", async () => {
    const clock = new ManualClock();
    const ledger = new OneValue();
    const present = limiter([{ messages: 10, perMs: minute }], ledger, clock);
    ledger.fails = true;
    expect(await present.take()).toBe(false);
    expect(present.free()).toBe(0);
    expect(present.freeAt()).toBe(clock.now() + 2000);
    ledger.fails = false;
    clock.set(clock.now() + 2000);
    expect(await present.take()).toBe(true);
  });

  test("a clock that jumps stops nothing for longer than the limit is long", async () => {
    const clock = new ManualClock();
    const ledger = new OneValue();
    const rates = [{ messages: 2, perMs: minute }];
    const present = limiter(rates, ledger, clock);
    await present.take();
    await present.take();
    clock.set(clock.now() - 100 * day);
    expect(await present.take()).toBe(false);
    expect(present.freeAt()).toBeLessThanOrEqual(clock.now() + minute + 2000);
    clock.set(present.freeAt());
    expect(await present.take()).toBe(true);
    clock.set(clock.now() + 200 * day);
    const next = limiter(rates, ledger, clock);
    expect(await next.take()).toBe(true);
  });
});
