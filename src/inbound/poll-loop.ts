/**
 * Polls all accounts: each when it is due, one session per box at a time, so many boxes at once.
 *
 * Guarantees: accounts wait for each other only for a free place, and a place is held no longer than one session may
 * last; a box that has more to give goes to the end of the line. While nothing can be taken into the spool, no box is
 * polled. Stopping (the signal) begins no session and ends running ones; `run` resolves when none is left.
 *
 * `pause` lets a running session come to its end. It is not remembered across restarts.
 */
import PQueue from "p-queue";
import type { EventSink } from "../core/events.ts";
import type { AccountName } from "../core/ids.ts";
import type { Clock, EpochMs } from "../core/ports.ts";
import { SpoolError, type SpoolHealth } from "../spool/port.ts";
import type { Account } from "./account.ts";
import { mergeReports, type PollReport } from "./report.ts";

export interface PollLoopOptions {
  readonly clock: Clock;
  readonly events: EventSink;
  /** How many boxes are polled at the same time. */
  readonly maxParallel: number;
  /** Whether anything can be taken in. */
  readonly health: () => SpoolHealth;
  /** `pollOnce` waits for a provider's login delay up to this long. */
  readonly onceWaitMs?: number | undefined;
}

interface AccountStatus {
  readonly name: AccountName;
  readonly paused: boolean;
  /** A session runs, or waits for a place. */
  readonly polling: boolean;
  readonly nextPollAt: EpochMs | undefined;
  readonly last: PollReport | undefined;
}

export interface PollLoop {
  /** Until the signal is aborted. */
  run(signal: AbortSignal): Promise<void>;
  /** Drains one account, or all of them, once, and says what came of it. */
  pollOnce(account: AccountName | undefined, signal: AbortSignal): Promise<PollReport[]>;
  /** Polls at once, whatever the schedule says, but not earlier than the provider allows. `undefined`: no such account. */
  pollNow(account: AccountName, signal: AbortSignal): Promise<PollReport | undefined>;
  /** False: no such account. */
  pause(account: AccountName): boolean;
  resume(account: AccountName): boolean;
  status(): readonly AccountStatus[];
}

const spoolRetryMs = 15_000;
const faultRetryMs = 5 * 60_000;
const onceWaitMs = 60_000;

export function createPollLoop(accounts: readonly Account[], options: PollLoopOptions): PollLoop {
  const places = new PQueue({ concurrency: options.maxParallel });
  const runners = new Map(accounts.map((account) => [account.name, new Runner(account, places, options)]));
  if (runners.size < accounts.length) throw new TypeError("two accounts have the same name");
  return {
    async run(signal) {
      await Promise.all([...runners.values()].map((runner) => runner.follow(signal)));
    },
    pollOnce(account, signal) {
      const chosen = [...runners.values()].filter(({ name }) => account === undefined || name === account);
      return Promise.all(chosen.map((runner) => runner.drain(signal)));
    },
    async pollNow(account, signal) {
      return runners.get(account)?.poll(signal);
    },
    pause: (account) => runners.get(account)?.pause(true) ?? false,
    resume: (account) => runners.get(account)?.pause(false) ?? false,
    status: () => [...runners.values()].map((runner) => runner.status()),
  };
}

class Runner {
  readonly #account: Account;
  readonly #places: PQueue;
  readonly #options: PollLoopOptions;
  #paused = false;
  #running: Promise<PollReport> | undefined;
  #nextPollAt: EpochMs | undefined;
  #last: PollReport | undefined;
  /** Ends the present wait, so that the next time is reckoned anew. */
  #wake = new AbortController();

  constructor(account: Account, places: PQueue, options: PollLoopOptions) {
    this.#account = account;
    this.#places = places;
    this.#options = options;
  }

  get name(): AccountName {
    return this.#account.name;
  }

  status(): AccountStatus {
    return {
      name: this.name,
      paused: this.#paused,
      polling: this.#running !== undefined,
      nextPollAt: this.#paused ? undefined : this.#nextPollAt,
      last: this.#last,
    };
  }

  pause(paused: boolean): true {
    this.#paused = paused;
    this.#wakeUp();
    return true;
  }

  /** Polls when due, until the signal is aborted. */
  async follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#followOnce(signal);
      } catch (error) {
        if (signal.aborted) return;
        const spool = error instanceof SpoolError;
        if (!spool) this.#tellFault(error);
        await this.#wait(spool ? spoolRetryMs : faultRetryMs, signal);
      }
    }
  }

  async #followOnce(signal: AbortSignal): Promise<void> {
    // Taken before looking: a wake-up that comes meanwhile ends the wait that follows.
    const wake = this.#wake.signal;
    const { clock, health } = this.#options;
    if (this.#paused) return this.#wait(faultRetryMs, signal, wake);
    if (health().kind !== "ok") return this.#wait(spoolRetryMs, signal, wake);
    this.#nextPollAt = await this.#account.nextPollAt();
    const wait = this.#nextPollAt - clock.now();
    if (wait > 0) return this.#wait(wait, signal, wake);
    await this.poll(signal);
  }

  /** One session; joins the one that runs. */
  poll(signal: AbortSignal): Promise<PollReport> {
    this.#running ??= this.#pollInPlace(signal).finally(() => {
      this.#running = undefined;
      this.#wakeUp();
    });
    return this.#running;
  }

  /** Sessions until the box has no more to give, or a provider's delay is longer than we wait. */
  async drain(signal: AbortSignal): Promise<PollReport> {
    const { clock } = this.#options;
    const patience = this.#options.onceWaitMs ?? onceWaitMs;
    let total: PollReport | undefined;
    for (;;) {
      const report = await this.poll(signal);
      total = mergeReports(total, report);
      if (signal.aborted) return total;
      if (report.kind === "delayed") {
        const wait = report.until - clock.now();
        if (wait > patience) return total;
        await clock.sleep(Math.max(0, wait), signal);
      } else if (report.kind !== "done" || !report.more) return total;
    }
  }

  async #pollInPlace(signal: AbortSignal): Promise<PollReport> {
    const { name } = this;
    if (this.#paused) return { kind: "not-polled", account: name, why: "paused", detail: "the account is paused" };
    const report = await this.#places.add(async (): Promise<PollReport> => {
      const health = this.#options.health();
      // Listing a box from which nothing could be taken would be of no use to anybody.
      if (health.kind !== "ok") return { kind: "not-polled", account: name, why: "spool", detail: health.detail };
      return this.#account.poll(signal);
    });
    this.#last = report;
    return report;
  }

  async #wait(ms: number, signal: AbortSignal, wake: AbortSignal = this.#wake.signal): Promise<void> {
    try {
      await this.#options.clock.sleep(ms, AbortSignal.any([signal, wake]));
    } catch (error) {
      if (!signal.aborted && !wake.aborted) throw error;
    }
  }

  #wakeUp(): void {
    const before = this.#wake;
    this.#wake = new AbortController();
    before.abort();
  }

  #tellFault(error: unknown): void {
    this.#options.events.emit({ kind: "internal-error", where: `polling ${this.name}`, detail: String(error) });
  }
}
