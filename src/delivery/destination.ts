/**
 * A destination as a whole: whether there is any use in trying, and for whom.
 *
 *   up ──unavailable──▶ down until `retryAt` ──time──▶ trial: one message ──answered──▶ up, and everything due goes
 *                         ▲                                 │
 *                         └────────── unavailable ──────────┘
 *
 * Trouble of the whole target is thus not counted against each message, and the night's mail goes at once in the morning.
 * Beside that an account at a relay can be paused (`account-pause.ts`), which also ends with a trial, and a relay's
 * allowance can be spent (`rate-limiter.ts`): short waits for it are waited for, long ones make other relays take over.
 * A clock that was set back ends what it would make last longer: a trial too early does no harm.
 */
import type { Address } from "../core/address.ts";
import type { EventSink } from "../core/events.ts";
import { causeText, type Cause } from "../core/outcome.ts";
import type { Clock, EpochMs, Random } from "../core/ports.ts";
import { AccountPause, isOn } from "./account-pause.ts";
import type { AccountTrouble, TransactionResult } from "./transport.ts";

/** Pauses between trials. Short: a restart of Exchange takes minutes, and one trial costs one connection. */
const pausesMs: readonly number[] = [5, 10, 20, 40, 60, 120, 300].map((seconds) => seconds * 1000);
const jitter = 0.2;
/** The allowance comes back sooner: mail waits for it. Later: another relay takes over. */
const longestAllowanceWaitMs = 10 * 60_000;

const dayMs = 86_400_000;

interface Down {
  readonly since: EpochMs;
  readonly at: EpochMs;
  /** When the next trial is due. */
  readonly until: EpochMs;
  readonly failures: number;
  readonly cause: Cause;
}

export interface DestinationPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly events: EventSink;
}

/** How much may be sent (`rate-limiter.ts`). */
export interface Allowance {
  /** Transactions that may begin now, as far as known. */
  free(): number;
  /** When the next may begin: now or later. */
  freeAt(): EpochMs;
  /** Spends one, durably. False: none is left, or it could not be written down. */
  take(): Promise<boolean>;
  /** One that was taken has not been used. */
  giveBack(): void;
}

/** For status and back pressure. */
export type DestinationState =
  | { readonly kind: "up" }
  /** By an administrator. */
  | { readonly kind: "stopped"; readonly since: EpochMs }
  | { readonly kind: "down"; readonly since: EpochMs; readonly cause: string; readonly until: EpochMs }
  | {
      readonly kind: "paused";
      readonly trouble: "auth" | "sender" | "quota";
      readonly since: EpochMs;
      readonly cause: string;
      readonly until: EpochMs;
    }
  /** The configured allowance is spent. */
  | { readonly kind: "spent"; readonly until: EpochMs };

/** Whether mail can go there now. */
export type Usability =
  | { readonly kind: "yes" }
  /** One message may be tried. */
  | { readonly kind: "trial" }
  | { readonly kind: "no"; readonly until: EpochMs };

/** Why mail cannot go there: the cause, and whether that is our account's trouble. */
export interface Hindrance {
  readonly cause: Cause;
  readonly account?: AccountTrouble | undefined;
}

/** What of a transaction's result says something about the destination. */
type Seen = Pick<TransactionResult, "destination" | "account" | "outcomes">;

export class Destination {
  readonly name: string;
  readonly #ports: DestinationPorts;
  readonly #allowance: Allowance | undefined;
  readonly #pause: AccountPause;
  readonly #listeners = new Set<(what: "usable" | "room") => void>();
  #down: Down | undefined;
  #running = 0;
  #stoppedAt: EpochMs | undefined;

  /** `isOwnSender`: of the company itself; unless given, everybody. */
  constructor(
    name: string,
    ports: DestinationPorts,
    allowance?: Allowance,
    isOwnSender: (sender: Address) => boolean = () => true,
  ) {
    this.name = name;
    this.#ports = ports;
    this.#allowance = allowance;
    this.#pause = new AccountPause(name, ports, isOwnSender);
  }

  /**
   * How many messages may be begun now by somebody with `running` under way and `most` places: none, one for a trial (of
   * all that share the destination), or as many as there is room and allowance for.
   */
  room(running: number, most: number): number {
    if (this.#stoppedAt !== undefined) return 0;
    const now = this.#ports.clock.now();
    const free = this.#allowance?.free() ?? Infinity;
    const until = this.#troubleUntil(now);
    if (until === undefined) return Math.max(0, Math.min(most - running, free));
    return now < until || this.#running > 0 || free < 1 ? 0 : 1;
  }

  /** There is trouble: at most one message is tried at a time. */
  get isDown(): boolean {
    return this.#down !== undefined || this.#pause.whole !== undefined;
  }

  /** When there can be room that is not there now; `undefined`: only after a change. */
  nextAt(): EpochMs | undefined {
    const now = this.#ports.clock.now();
    const latest = Math.max(this.#troubleUntil(now) ?? now, this.#allowance?.freeAt() ?? now);
    return latest > now ? latest : undefined;
  }

  /** Whether mail can go there now. */
  usable(): Usability {
    const now = this.#ports.clock.now();
    // Only a person ends it, and that is told as a change.
    if (this.#stoppedAt !== undefined) return { kind: "no", until: now + dayMs };
    const until = this.#troubleUntil(now);
    const latest = Math.max(until ?? now, this.#spentUntil(now) ?? now);
    if (latest > now) return { kind: "no", until: latest };
    return { kind: until === undefined ? "yes" : "trial" };
  }

  /** Whether mail of this sender can go there now. */
  usableFor(sender: Address | undefined): Usability {
    const usable = this.usable();
    const until = this.#pause.ofSender(sender)?.until;
    if (until === undefined) return usable;
    return { kind: "no", until: usable.kind === "no" ? Math.max(until, usable.until) : until };
  }

  state(): DestinationState {
    if (this.#stoppedAt !== undefined) return { kind: "stopped", since: this.#stoppedAt };
    const pause = this.#pause.whole;
    if (pause !== undefined) {
      const { trouble, since, cause, until } = pause;
      return { kind: "paused", trouble, since, cause: causeText(cause), until };
    }
    if (this.#down !== undefined) {
      const { since, cause, until } = this.#down;
      return { kind: "down", since, cause: causeText(cause), until };
    }
    const until = this.#spentUntil(this.#ports.clock.now());
    return until === undefined ? { kind: "up" } : { kind: "spent", until };
  }

  /** What keeps mail of this sender from going there; `undefined` when nothing does. */
  hindranceFor(sender: Address | undefined): Hindrance | undefined {
    if (this.#stoppedAt !== undefined) return internal("the destination has been paused by an administrator");
    const pause = this.#pause.whole ?? this.#pause.ofSender(sender);
    if (pause !== undefined) return { cause: pause.cause, account: pause.trouble };
    if (this.#down !== undefined) return { cause: this.#down.cause };
    const isSpent = this.#spentUntil(this.#ports.clock.now()) !== undefined;
    return isSpent ? internal("the allowance configured as rate is spent") : undefined;
  }

  /** Senders that cannot use the account there now. */
  pausedSenders(): readonly string[] {
    return this.#pause.senders().map(([sender]) => sender);
  }

  /** Nothing new is begun there from now on, until it is called with false: an administrator's doing. */
  stop(isStopped: boolean): void {
    if (isStopped === (this.#stoppedAt !== undefined)) return;
    this.#stoppedAt = isStopped ? this.#ports.clock.now() : undefined;
    this.#tell("usable");
  }

  /** A message is under way there until this is disposed. */
  enter(): Disposable {
    let isOver = false;
    this.#running += 1;
    return {
      [Symbol.dispose]: () => {
        if (isOver) return;
        isOver = true;
        this.#running -= 1;
        this.#tell("room");
      },
    };
  }

  /** Messages under way. */
  get running(): number {
    return this.#running;
  }

  /** Asked before each transaction. False: the allowance is spent. */
  async admit(): Promise<boolean> {
    return this.#allowance === undefined || (await this.#allowance.take());
  }

  /** Takes note of what a transaction of this sender's mail says about the destination. */
  note(seen: Seen, sender: Address | undefined): void {
    if (seen.destination.kind === "unasked" && seen.account === undefined) {
      this.#allowance?.giveBack();
      return;
    }
    const isAnswer = seen.destination.kind === "answered" || seen.account !== undefined;
    if (!isAnswer) this.#allowance?.giveBack();
    const changes = [isAnswer ? this.#answered() : this.#unavailable(seen.destination)];
    if (seen.account !== undefined) changes.push(this.#pause.trouble(seen.account.trouble, seen.account.cause, sender));
    else if (isAnswer)
      changes.push(
        this.#pause.wentWell(
          seen.outcomes.some(({ outcome }) => outcome.kind === "delivered"),
          sender,
        ),
      );
    if (changes.includes(true)) this.#tell("usable");
  }

  /** Calls `listener` when it has become usable or unusable, for everybody or for one sender, or has room again. */
  onChange(listener: (what: "usable" | "room") => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  #tell(what: "usable" | "room"): void {
    for (const listener of this.#listeners) listener(what);
  }

  #troubleUntil(now: EpochMs): EpochMs | undefined {
    const troubles = [this.#pause.whole, this.#down].filter((trouble) => trouble !== undefined);
    if (troubles.length === 0) return undefined;
    return Math.max(...troubles.map((trouble) => (isOn(trouble, now) ? trouble.until : now)));
  }

  #spentUntil(now: EpochMs): EpochMs | undefined {
    const freeAt = this.#allowance?.freeAt();
    return freeAt === undefined || freeAt - now <= longestAllowanceWaitMs ? undefined : freeAt - longestAllowanceWaitMs;
  }

  #answered(): boolean {
    const before = this.#down;
    if (before === undefined) return false;
    this.#down = undefined;
    const afterMs = Math.max(0, this.#ports.clock.now() - before.since);
    this.#ports.events.emit({ kind: "destination-up", destination: this.name, afterMs });
    return true;
  }

  #unavailable(seen: TransactionResult["destination"]): boolean {
    if (seen.kind !== "unavailable") return false;
    const { clock, random, events } = this.#ports;
    const now = clock.now();
    const before = this.#down;
    // Others that were under way when it went down say nothing new.
    if (before !== undefined && isOn(before, now)) return false;
    const failures = (before?.failures ?? 0) + 1;
    const pause = pausesMs[Math.min(failures, pausesMs.length) - 1] ?? 0;
    const until = now + Math.round(pause * (1 - jitter + 2 * jitter * random.next()));
    const { cause } = seen;
    // A clock that was ahead must not make trouble look younger than it is.
    this.#down = { since: Math.min(before?.since ?? now, now), at: now, until, failures, cause };
    events.emit({ kind: "destination-down", destination: this.name, cause: causeText(cause), probeAt: until });
    return true;
  }
}

function internal(message: string): Hindrance {
  return { cause: { kind: "internal", message } };
}
