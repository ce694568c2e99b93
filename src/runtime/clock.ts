/** The real clock and the real dice: the only place that asks the platform for time or chance. */
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

/** Rejects with the signal's own reason. Most sleeps are ended early, so that must cost little: node:timers makes an error of each. */
async function sleepOnce(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  const timer = setTimeout(resolve, ms);
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}
