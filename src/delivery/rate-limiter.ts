/**
 * A relay's allowance, kept across restarts.
 *
 * Guarantee: in no stretch of a limit's length are more transactions begun than it allows, not even when the process is
 * killed. What is to be used is written down first, in small blocks, so that not each message costs a flush: a block is
 * good for some seconds and written down as used at their end. What was written down and not used is lost at a kill, and
 * only then.
 *
 * When it cannot be written down nothing is allowed, and it is tried again soon.
 */
import type { AccountName } from "../core/ids.ts";
import type { Clock, EpochMs } from "../core/ports.ts";
import { SpoolError, type Ledger } from "../spool/port.ts";
import type { Allowance } from "./destination.ts";
import {
  budgetFromJson,
  budgetToJson,
  freeIn,
  freshBudget,
  nextFreeAt,
  seenAt,
  spend,
  unspend,
  type RateBudget,
  type RateLimit,
} from "./rate-budget.ts";

export interface RateLimiterPorts {
  readonly ledger: Pick<Ledger, "state" | "putState">;
  readonly clock: Clock;
}

/** A block is a twentieth of the smallest limit, and at most so many. */
const largestBlock = 50;
const shortestBlockMs = 1_000;
const longestBlockMs = 10_000;
const writeAgainMs = 2_000;

/** Units that may be used from `from` until before `until`: they are written down. */
interface Block {
  readonly from: EpochMs;
  readonly until: EpochMs;
  readonly left: number;
}

const noBlock: Block = { from: 0, until: 0, left: 0 };

export class RateLimiter implements Allowance {
  readonly #memory: AccountName;
  readonly #limits: readonly RateLimit[];
  readonly #ports: RateLimiterPorts;
  #budget: RateBudget;
  #isLoaded = false;
  #block = noBlock;
  /** After a failure nothing is tried from `at` until `until`. */
  #failed: { readonly at: EpochMs; readonly until: EpochMs } | undefined;
  /** One at a time. */
  #last: Promise<unknown> = Promise.resolve();

  /** `memory`: the name under which it is kept. */
  constructor(memory: AccountName, limits: readonly RateLimit[], ports: RateLimiterPorts) {
    this.#memory = memory;
    this.#limits = limits;
    this.#ports = ports;
    this.#budget = freshBudget(limits);
  }

  free(): number {
    const now = this.#ports.clock.now();
    if (this.#failedUntil(now) !== undefined) return 0;
    const free = freeIn(this.#present(now), now);
    return this.#isLoaded ? free : Math.min(1, free);
  }

  freeAt(): EpochMs {
    const now = this.#ports.clock.now();
    return Math.max(nextFreeAt(this.#present(now), now), this.#failedUntil(now) ?? now);
  }

  async take(): Promise<boolean> {
    const taking = this.#last.then(async () => this.#take());
    this.#last = taking.catch(() => undefined);
    return taking;
  }

  giveBack(): void {
    this.#budget = unspend(this.#budget, this.#ports.clock.now());
  }

  /** Reads what was spent before the last stop. Taking does so by itself; until then nothing is known. */
  async load(): Promise<void> {
    if (this.#isLoaded) return;
    const now = this.#ports.clock.now();
    const stored: unknown = await this.#ports.ledger.state(this.#memory);
    const budget = typeof stored === "object" && stored !== null && "rates" in stored ? stored.rates : undefined;
    this.#budget = budgetFromJson(budget, this.#limits, now);
    this.#isLoaded = true;
  }

  async #take(): Promise<boolean> {
    const { clock } = this.#ports;
    try {
      await this.load();
      if (!this.#hasBlock(clock.now())) await this.#reserve(clock.now());
    } catch (error) {
      if (!(error instanceof SpoolError)) throw error;
      const now = clock.now();
      this.#failed = { at: now, until: now + writeAgainMs };
      return false;
    }
    const now = clock.now();
    // Writing it down may have taken longer than the block is good for.
    if (!this.#hasBlock(now)) return false;
    this.#block = { ...this.#block, left: this.#block.left - 1 };
    this.#budget = spend(this.#budget, now, 1, now);
    return true;
  }

  #hasBlock(now: EpochMs): boolean {
    const { from, until, left } = this.#block;
    return left > 0 && from <= now && now < until && freeIn(this.#present(now), now) > 0;
  }

  async #reserve(now: EpochMs): Promise<void> {
    this.#block = noBlock;
    const smallest = Math.min(...this.#limits.map(({ messages }) => messages));
    const shortest = Math.min(...this.#limits.map(({ perMs }) => perMs));
    const block = Math.min(largestBlock, Math.max(1, Math.floor(smallest / 20)));
    const left = Math.min(block, freeIn(this.#present(now), now));
    if (left === 0) return;
    const until = now + Math.min(longestBlockMs, Math.max(shortestBlockMs, Math.floor(shortest / 60)));
    const rates = budgetToJson(spend(this.#budget, until, left, now));
    await this.#ports.ledger.putState(this.#memory, { rates });
    this.#block = { from: now, until, left };
  }

  #present(now: EpochMs): RateBudget {
    this.#budget = seenAt(this.#budget, now);
    return this.#budget;
  }

  #failedUntil(now: EpochMs): EpochMs | undefined {
    if (this.#failed === undefined || now < this.#failed.at || now >= this.#failed.until) return undefined;
    return this.#failed.until;
  }
}
