/**
 * Notices a server from which nothing comes any more. One sleep of the clock runs per session, not one per command: when
 * it ends, the owner is asked whether there has been progress. So trouble is noticed after once to twice the time set.
 */
import type { Clock } from "../core/ports.ts";

export class Watchdog implements Disposable {
  readonly #clock: Clock;
  readonly #onEnd: () => number | undefined;
  #running: AbortController | undefined;

  /** `onEnd` answers for how long to watch on, in milliseconds, or `undefined` to rest until the next `arm`. */
  constructor(clock: Clock, onEnd: () => number | undefined) {
    this.#clock = clock;
    this.#onEnd = onEnd;
  }

  /** Begins to watch, if it does not yet. True when it has just begun. */
  arm(ms: number): boolean {
    if (this.#running !== undefined) return false;
    const running = new AbortController();
    this.#running = running;
    void this.#watch(ms, running);
    return true;
  }

  [Symbol.dispose](): void {
    this.#running?.abort();
    this.#running = undefined;
  }

  async #watch(first: number, running: AbortController): Promise<void> {
    for (let ms: number | undefined = first; ms !== undefined;) {
      try {
        await this.#clock.sleep(ms, running.signal);
      } catch {
        return;
      }
      if (running.signal.aborted) return;
      ms = this.#onEnd();
    }
    if (this.#running === running) this.#running = undefined;
  }
}
