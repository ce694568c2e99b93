/**
 * Counts failures under a name, and says until when that name has to wait: after every `toLock` failures, twice as long as
 * the time before. Memory is bounded: the name whose last failure is the oldest is forgotten first.
 */
import type { Clock, EpochMs } from "../core/ports.ts";

export interface FailureRules {
  readonly toLock: number;
  readonly firstMs: number;
  readonly longestMs: number;
  /** Names that are remembered. */
  readonly most: number;
}

interface Counted {
  readonly failures: number;
  readonly lastAt: EpochMs;
  readonly lock: { readonly at: EpochMs; readonly until: EpochMs } | undefined;
  readonly locks: number;
}

/** Without another failure for so long, all is forgotten. */
const forgetMs = 24 * 3_600_000;

export class WebFailures {
  readonly #rules: FailureRules;
  readonly #clock: Clock;
  readonly #counted = new Map<string, Counted>();

  constructor(rules: FailureRules, clock: Clock) {
    this.#rules = rules;
    this.#clock = clock;
  }

  /** Until when; `undefined`: it need not wait. */
  waits(name: string): EpochMs | undefined {
    const known = this.#counted.get(name);
    if (known?.lock === undefined) return undefined;
    const now = this.#clock.now();
    // The clock was set back: the lock begins anew, and nobody waits for the clock to catch up.
    const lock = now < known.lock.at ? { at: now, until: now + known.lock.until - known.lock.at } : known.lock;
    if (lock !== known.lock) this.#counted.set(name, { ...known, lock });
    return now < lock.until ? lock.until : undefined;
  }

  /** Notes one; says what it came to if the name has to wait from now on. */
  add(name: string): { readonly failures: number; readonly until: EpochMs } | undefined {
    const { toLock, firstMs, longestMs, most } = this.#rules;
    const now = this.#clock.now();
    const before = this.#counted.get(name);
    const known = before !== undefined && Math.abs(now - before.lastAt) < forgetMs ? before : undefined;
    const failures = (known?.failures ?? 0) + 1;
    const locks = known?.locks ?? 0;
    const locksNow = failures % toLock === 0;
    const until = now + Math.min(longestMs, firstMs * 2 ** Math.min(locks, 20));
    const lock = locksNow ? { at: now, until } : known?.lock;
    // Set anew, to be the youngest.
    this.#counted.delete(name);
    this.#counted.set(name, { failures, lastAt: now, lock, locks: locksNow ? locks + 1 : locks });
    const oldest = this.#counted.keys().next();
    if (this.#counted.size > most && oldest.done !== true) this.#counted.delete(oldest.value);
    return locksNow ? { failures, until } : undefined;
  }

  forget(name: string): void {
    this.#counted.delete(name);
  }

  get size(): number {
    return this.#counted.size;
  }
}
