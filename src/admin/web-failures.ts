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
  readonly until: EpochMs;
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
    const until = this.#counted.get(name)?.until;
    return until !== undefined && this.#clock.now() < until ? until : undefined;
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
    const until = locksNow ? now + Math.min(longestMs, firstMs * 2 ** Math.min(locks, 20)) : (known?.until ?? 0);
    // Set anew, to be the youngest.
    this.#counted.delete(name);
    this.#counted.set(name, { failures, lastAt: now, until, locks: locksNow ? locks + 1 : locks });
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
