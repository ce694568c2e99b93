/** The real clock and the real dice: the only place that asks the platform for time or chance. */
import { setTimeout as delay } from "node:timers/promises";
import type { Clock, Random } from "../core/ports.ts";

/** Node turns longer timers into one of 1 ms. */
const longestTimerMs = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  async sleep(ms, signal) {
    const until = performance.now() + ms;
    for (let rest = ms; rest > 0; rest = until - performance.now()) {
      await sleepOnce(Math.min(rest, longestTimerMs), signal);
    }
    signal.throwIfAborted();
  },
};

export const systemRandom: Random = { next: () => Math.random() };

async function sleepOnce(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    // node:timers wraps the reason; the port promises the reason itself.
    signal.throwIfAborted();
    throw error;
  }
}
