/**
 * A clock that stands still until it is told to move. Sleepers are woken in order of their time as it passes them.
 * `sleeping()` resolves when somebody sleeps, so that a spec can wait for that instead of for time.
 */
import type { Clock, EpochMs } from "../../src/core/ports.ts";

interface Sleeper {
  readonly until: EpochMs;
  readonly wake: () => void;
}

export class ManualClock implements Clock {
  #now: EpochMs;
  readonly #sleepers = new Set<Sleeper>();
  readonly #watchers = new Set<() => void>();

  constructor(now: EpochMs = Date.UTC(2026, 10, 24, 8)) {
    this.#now = now;
  }

  now(): EpochMs {
    return this.#now;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (): void => {
        this.#sleepers.delete(sleeper);
        // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- the port promises the signal's own reason
        reject(signal.reason);
      };
      const sleeper: Sleeper = {
        until: this.#now + ms,
        wake: () => {
          signal.removeEventListener("abort", fail);
          this.#sleepers.delete(sleeper);
          resolve();
        },
      };
      if (signal.aborted) {
        fail();
        return;
      }
      signal.addEventListener("abort", fail, { once: true });
      this.#sleepers.add(sleeper);
      for (const watcher of this.#watchers) watcher();
    });
  }

  /** The times that are waited for, ascending. */
  get waits(): EpochMs[] {
    return [...this.#sleepers].map(({ until }) => until).sort((a, b) => a - b);
  }

  /** Moves on, waking sleepers on the way, and gives what they do some turns of the event loop between two of them. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      await settle();
      const next = [...this.#sleepers].filter(({ until }) => until <= end).sort((a, b) => a.until - b.until)[0];
      if (next === undefined) break;
      this.#now = Math.max(this.#now, next.until);
      next.wake();
    }
    this.#now = end;
    await settle();
  }

  /** Sets the time without waking anybody: a clock that jumps. */
  set(now: EpochMs): void {
    this.#now = now;
  }

  /** Resolves when somebody sleeps until this time or longer. */
  sleeping(until: EpochMs = this.#now): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (![...this.#sleepers].some((sleeper) => sleeper.until >= until)) return;
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
      look();
    });
  }
}

/** Lets everything that is ready run: in-memory fakes need a bounded number of turns. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}
