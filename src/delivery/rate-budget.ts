/**
 * How much of an allowance such as 30 in a minute and 2,000 in a day is spent. Pure.
 *
 * Guarantee: in no stretch of time of a limit's length are more spent than it allows. For that, what is spent counts
 * from the end of the slot it fell into (a sixtieth of the limit's length), until that length has passed: bounded memory
 * for some waiting, at most a sixtieth longer than needed.
 *
 * A clock that is set back leaves slots in the future: `seenAt` makes them count as of then, so nothing waits longer than
 * the limit is long. A clock that is set forward forgets as much as it was set forward by: nothing here could know better.
 */
import type { EpochMs } from "../core/ports.ts";

export interface RateLimit {
  readonly messages: number;
  readonly perMs: number;
}

/** What was spent in a slot that ends at `end`. */
interface Slot {
  readonly end: EpochMs;
  readonly count: number;
}

/** One limit and the slots that still count, oldest first. */
interface Spent extends RateLimit {
  readonly slots: readonly Slot[];
}

export type RateBudget = readonly Spent[];

const slotsPerLimit = 60;

export function freshBudget(limits: readonly RateLimit[]): RateBudget {
  return limits.map(({ messages, perMs }) => ({ messages, perMs, slots: [] }));
}

/** With `count` spent at `at`. What no longer counts at `now` is forgotten. */
export function spend(budget: RateBudget, at: EpochMs, count: number, now: EpochMs): RateBudget {
  return budget.map((spent) => {
    const slot = { end: slotEnd(at, spent.perMs), count };
    return { ...spent, slots: merged([...current(spent, now), slot]) };
  });
}

/**
 * One that was spent has not been used. The oldest is taken back, whichever it was: the others then count for longer than
 * they would have to, never for less.
 */
export function unspend(budget: RateBudget, now: EpochMs): RateBudget {
  return budget.map((spent) => {
    const [oldest, ...rest] = current(spent, now);
    if (oldest === undefined) return spent;
    const left = { ...oldest, count: oldest.count - 1 };
    return { ...spent, slots: left.count === 0 ? rest : [left, ...rest] };
  });
}

/** The budget as it is at `now`: without what no longer counts, and with nothing in the future. To be kept. */
export function seenAt(budget: RateBudget, now: EpochMs): RateBudget {
  return budget.map((spent) => ({ ...spent, slots: current(spent, now) }));
}

/** How many more may be spent at `now`. */
export function freeIn(budget: RateBudget, now: EpochMs): number {
  return Math.max(0, Math.min(...budget.map((spent) => spent.messages - sum(current(spent, now)))));
}

/** When the next one may be spent: `now` if one may be now. */
export function nextFreeAt(budget: RateBudget, now: EpochMs): EpochMs {
  return Math.max(now, ...budget.map((spent) => freeAtOf(spent, now)));
}

/** For the store: limits by their length, slots as pairs. */
export function budgetToJson(budget: RateBudget): unknown {
  return budget.map(({ perMs, slots }) => ({ perMs, slots: slots.map(({ end, count }) => [end, count]) }));
}

/**
 * The budget as it was stored, for the limits of today. What cannot be read counts as nothing spent. A limit that was not
 * there before takes over what the longest one remembers.
 */
export function budgetFromJson(json: unknown, limits: readonly RateLimit[], now: EpochMs): RateBudget {
  const stored = (Array.isArray(json) ? json : []).flatMap((entry: unknown) => storedLimit(entry) ?? []);
  const longest = stored.toSorted((a, b) => b.perMs - a.perMs)[0];
  return limits.map(({ messages, perMs }) => {
    const slots = (stored.find((entry) => entry.perMs === perMs) ?? longest)?.slots ?? [];
    const latest = slotEnd(now, perMs);
    const kept = slots.map(({ end, count }) => ({ end: Math.min(end, latest), count }));
    const spent = { messages, perMs, slots: kept.toSorted((a, b) => a.end - b.end) };
    return { ...spent, slots: merged(current(spent, now)) };
  });
}

function storedLimit(entry: unknown): { readonly perMs: number; readonly slots: readonly Slot[] } | undefined {
  if (typeof entry !== "object" || entry === null || !("perMs" in entry) || !("slots" in entry)) return undefined;
  const { perMs, slots } = entry;
  if (typeof perMs !== "number" || !Array.isArray(slots)) return undefined;
  return { perMs, slots: slots.slice(0, 10 * slotsPerLimit).flatMap((slot: unknown) => storedSlot(slot) ?? []) };
}

function storedSlot(slot: unknown): Slot | undefined {
  if (!Array.isArray(slot)) return undefined;
  const end: unknown = slot[0];
  const count: unknown = slot[1];
  const isGood = Number.isSafeInteger(end) && Number.isSafeInteger(count);
  return isGood && typeof end === "number" && typeof count === "number" && count > 0 ? { end, count } : undefined;
}

function slotEnd(at: EpochMs, perMs: number): EpochMs {
  const length = Math.max(1, Math.ceil(perMs / slotsPerLimit));
  return Math.ceil((at + 1) / length) * length;
}

/** The slots that count at `now`; those that a clock set back has left in the future count as of now. */
function current({ slots, perMs }: Spent, now: EpochMs): readonly Slot[] {
  const counting = slots.filter(({ end }) => now < end + perMs);
  // One slot ahead is the present one, two are what has been reserved for the next moments.
  const latest = slotEnd(now, perMs) + 2 * Math.ceil(perMs / slotsPerLimit);
  if (counting.every(({ end }) => end <= latest)) return counting;
  return merged(counting.map(({ end, count }) => ({ end: Math.min(end, slotEnd(now, perMs)), count })));
}

function merged(slots: readonly Slot[]): readonly Slot[] {
  const counts = new Map<EpochMs, number>();
  for (const { end, count } of slots) counts.set(end, (counts.get(end) ?? 0) + count);
  return [...counts].map(([end, count]) => ({ end, count })).toSorted((a, b) => a.end - b.end);
}

function freeAtOf(spent: Spent, now: EpochMs): EpochMs {
  const slots = current(spent, now);
  let left = sum(slots);
  if (left < spent.messages) return now;
  for (const { end, count } of slots) {
    left -= count;
    if (left < spent.messages) return end + spent.perMs;
  }
  return now + spent.perMs;
}

function sum(slots: readonly Slot[]): number {
  return slots.reduce((total, { count }) => total + count, 0);
}
