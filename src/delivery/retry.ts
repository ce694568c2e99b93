/** When a deferred recipient is tried again. Pure. */
import type { Random } from "../core/ports.ts";

const minute = 60_000;

/** Pauses after the first, second, … attempt; the last one repeats. Soon at first: most deferrals are over in minutes. */
export const defaultRetryMs: readonly number[] = [1, 2, 5, 10, 15, 30, 60].map((minutes) => minutes * minute);

/** Messages that were deferred together must not come back together. */
const jitter = 0.2;

/** `attempts`: how many there have been, this one included. */
export function retryDelayMs(schedule: readonly number[], attempts: number, random: Random): number {
  const base = schedule[Math.min(attempts, schedule.length) - 1] ?? schedule.at(-1) ?? minute;
  return Math.round(base * (1 - jitter + 2 * jitter * random.next()));
}
