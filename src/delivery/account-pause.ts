/**
 * An account at a relay that is out of service, as a whole or for single senders. Trouble with an account is nobody's
 * mail's fault: nothing bounces for it, other relays take over, and the administrator is told.
 *
 *   in service ──auth, quota──▶ paused until ──time──▶ trial: one message ──no trouble──▶ in service
 *       ▲                         ▲                         │
 *       │                         └─── trouble, longer ─────┘
 *       └──accepted── sender paused until (time ends the pause, acceptance forgets it) ◀──sender refused
 *
 * A login that is wrong must not be tried often, or the provider locks the account: 5 min, doubling to 1 h. An allowance
 * that is spent comes back with time: 15 min, doubling to 4 h. A sender that a relay refuses is paused there for 1 h.
 * Three different own senders refused with nothing accepted between are taken for trouble of the whole account, and only
 * for minutes: they may be three machines that nobody has told the provider of, and the next trial is another sender's.
 * Senders of other companies (mail that Exchange forwards) say nothing of the account: anybody could stop it by them.
 */
import { addressKey, type Address } from "../core/address.ts";
import type { EventSink } from "../core/events.ts";
import { causeText, type Cause } from "../core/outcome.ts";
import type { Clock, EpochMs } from "../core/ports.ts";
import type { AccountTrouble } from "./transport.ts";

const minute = 60_000;

const pauses: Readonly<Record<AccountTrouble, { readonly first: number; readonly longest: number }>> = {
  auth: { first: 5 * minute, longest: 60 * minute },
  quota: { first: 15 * minute, longest: 240 * minute },
  sender: { first: 5 * minute, longest: 10 * minute },
};
/** Of one sender. */
const senderPauseMs = 60 * minute;

/** So many different senders refused in a row: it is the account. */
const sendersForAll = 3;
/** Senders that are remembered; beyond, the one that was paused first is forgotten, and is simply tried again. */
const sendersKept = 1000;

export interface Pause {
  readonly trouble: AccountTrouble;
  readonly since: EpochMs;
  /** When it was last found in trouble. */
  readonly at: EpochMs;
  readonly until: EpochMs;
  readonly failures: number;
  readonly cause: Cause;
}

export interface AccountPausePorts {
  readonly clock: Clock;
  readonly events: EventSink;
}

export class AccountPause {
  readonly #destination: string;
  readonly #isOwn: (sender: Address) => boolean;
  readonly #ports: AccountPausePorts;
  #whole: Pause | undefined;
  readonly #senders = new Map<string, Pause>();
  /** Own senders refused since something was last accepted. */
  readonly #refused = new Set<string>();

  /** `isOwn`: whether a sender is of the company whose account it is. */
  constructor(destination: string, ports: AccountPausePorts, isOwn: (sender: Address) => boolean) {
    this.#destination = destination;
    this.#isOwn = isOwn;
    this.#ports = ports;
  }

  /** The pause of the whole account; it stands, for a trial, until that has gone well. */
  get whole(): Pause | undefined {
    return this.#whole;
  }

  /** While this sender cannot use the account. */
  ofSender(sender: Address | undefined): Pause | undefined {
    const pause = this.#senders.get(keyOf(sender));
    return pause !== undefined && isOn(pause, this.#ports.clock.now()) ? pause : undefined;
  }

  /** Senders that are paused now, with their pauses. */
  senders(): readonly (readonly [sender: string, Pause])[] {
    const now = this.#ports.clock.now();
    return [...this.#senders].filter(([, pause]) => isOn(pause, now));
  }

  /** A transaction ran into trouble with the account. True when this changes who can use it. */
  trouble(trouble: AccountTrouble, cause: Cause, sender: Address | undefined): boolean {
    const now = this.#ports.clock.now();
    if (trouble === "sender") return this.#senderRefused(cause, sender, now);
    return this.#pauseWhole(trouble, cause, now);
  }

  /** A transaction went through without trouble. True when this changes who can use the account. */
  wentWell(isAccepted: boolean, sender: Address | undefined): boolean {
    const { events } = this.#ports;
    if (!isAccepted && (this.#whole === undefined || this.#whole.trouble !== "auth")) return false;
    let isChange = false;
    if (this.#whole !== undefined) {
      this.#whole = undefined;
      isChange = true;
      events.emit({ kind: "relay-resumed", destination: this.#destination, sender: undefined });
    }
    if (!isAccepted) return isChange;
    this.#refused.clear();
    if (this.#senders.delete(keyOf(sender))) {
      isChange = true;
      events.emit({ kind: "relay-resumed", destination: this.#destination, sender: words(sender) });
    }
    return isChange;
  }

  #senderRefused(cause: Cause, sender: Address | undefined, now: EpochMs): boolean {
    const isNews = this.#pauseSender(cause, sender, now);
    if (sender === undefined || !this.#isOwn(sender)) return isNews;
    const isKnown = this.#refused.has(keyOf(sender));
    this.#refused.add(keyOf(sender));
    this.#forgetOldest(this.#refused, sendersKept);
    // The same one again says nothing new of the account: the trial goes on with another's mail.
    if (isKnown || this.#refused.size < sendersForAll) return isNews;
    return this.#pauseWhole("sender", cause, now) || isNews;
  }

  #pauseSender(cause: Cause, sender: Address | undefined, now: EpochMs): boolean {
    const key = keyOf(sender);
    const before = this.#senders.get(key);
    // Others that were under way say nothing new.
    if (before !== undefined && isOn(before, now)) return false;
    const pause = { ...pauseAfter(before, "sender", cause, now), until: now + senderPauseMs };
    this.#senders.delete(key);
    this.#senders.set(key, pause);
    this.#forgetOldest(this.#senders, sendersKept);
    this.#tell(pause, words(sender));
    return true;
  }

  #pauseWhole(trouble: AccountTrouble, cause: Cause, now: EpochMs): boolean {
    const before = this.#whole;
    if (before !== undefined && isOn(before, now)) return false;
    this.#whole = pauseAfter(before, trouble, cause, now);
    this.#tell(this.#whole, undefined);
    return true;
  }

  #tell({ trouble, cause, until }: Pause, sender: string | undefined): void {
    const destination = this.#destination;
    this.#ports.events.emit({ kind: "relay-paused", destination, trouble, sender, cause: causeText(cause), until });
  }

  #forgetOldest(kept: { readonly size: number; keys(): Iterable<string>; delete(key: string): boolean }, most: number) {
    for (const key of kept.keys()) {
      if (kept.size <= most) return;
      kept.delete(key);
    }
  }
}

/** A clock that was set back to before it began ends it: a trial too early does no harm, years of waiting would. */
export function isOn({ at, until }: { readonly at: EpochMs; readonly until: EpochMs }, now: EpochMs): boolean {
  return at <= now && now < until;
}

function pauseAfter(before: Pause | undefined, trouble: AccountTrouble, cause: Cause, now: EpochMs): Pause {
  const failures = before?.trouble === trouble ? before.failures + 1 : 1;
  const { first, longest } = pauses[trouble];
  const ms = Math.min(longest, first * 2 ** Math.min(failures - 1, 20));
  return { trouble, since: Math.min(before?.since ?? now, now), at: now, until: now + ms, failures, cause };
}

function keyOf(sender: Address | undefined): string {
  return sender === undefined ? "" : addressKey(sender);
}

function words(sender: Address | undefined): string {
  return sender ?? "<>";
}
