/**
 * How much of the listener each client has: connections open now, and messages begun within the last minute.
 *
 * Memory is bounded: connections are bounded by their own limit; of messages, at most `mostClients` clients are
 * remembered (only such as may send get that far), with a handful of numbers each, and the one that has been silent
 * longest is forgotten first.
 */
import type { EpochMs } from "../core/ports.ts";

export interface ConnectionLimits {
  readonly inAll: number;
  readonly ofClient: number;
  /** Of all who are known neither by network nor by login: they must not be able to shut out those who are. */
  readonly ofStrangers: number;
}

export type Admission = "ok" | "full" | "client-full";

/** Counts open connections. */
export class ConnectionCounts {
  readonly #limits: ConnectionLimits;
  readonly #byClient = new Map<string, number>();
  #all = 0;
  #strangers = 0;

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  /** Counts one more, unless it is one too many. */
  open(client: string, stranger: boolean): Admission {
    const mine = this.#byClient.get(client) ?? 0;
    if (mine >= this.#limits.ofClient) return "client-full";
    if (this.#all >= this.#limits.inAll) return "full";
    if (stranger && this.#strangers >= this.#limits.ofStrangers) return "full";
    this.#byClient.set(client, mine + 1);
    this.#all++;
    if (stranger) this.#strangers++;
    return "ok";
  }

  /** A stranger has logged in. */
  known(): void {
    this.#strangers--;
  }

  close(client: string, stranger: boolean): void {
    const left = (this.#byClient.get(client) ?? 0) - 1;
    if (left > 0) this.#byClient.set(client, left);
    else this.#byClient.delete(client);
    this.#all--;
    if (stranger) this.#strangers--;
  }
}

const windowMs = 60_000;
const slotMs = 5000;
const slots = windowMs / slotMs;
const mostClients = 4096;

interface Recent {
  /** Number of the slot that the last of `counts` is for: time divided by `slotMs`. */
  slot: number;
  /** Messages begun in each of the last slots, the oldest first. */
  readonly counts: number[];
}

/**
 * Messages of the last minute, in slots of five seconds: in no span of 60 s are there more than the limit. The oldest
 * slot counts whole, so that a client at the limit waits up to five seconds longer than it must.
 */
export class MessageRate {
  readonly #limit: number;
  readonly #clients = new Map<string, Recent>();

  /** `limit` 0: none. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Counts one more message, unless it is one too many. */
  take(client: string, now: EpochMs): boolean {
    if (this.#limit === 0) return true;
    const recent = moved(this.#clients.get(client), Math.floor(now / slotMs));
    // Set anew, to be the youngest.
    this.#clients.delete(client);
    this.#clients.set(client, recent);
    const oldest = this.#clients.keys().next();
    if (this.#clients.size > mostClients && oldest.done !== true) this.#clients.delete(oldest.value);
    if (recent.counts.reduce((sum, count) => sum + count, 0) >= this.#limit) return false;
    recent.counts.push((recent.counts.pop() ?? 0) + 1);
    return true;
  }
}

/** What is left of it in this slot. A clock that was set back forgets rather than locks out. */
function moved(recent: Recent | undefined, slot: number): Recent {
  const steps = recent === undefined ? -1 : slot - recent.slot;
  if (recent === undefined || steps < 0 || steps > slots) return { slot, counts: [0] };
  const counts = [...recent.counts, ...Array.from({ length: steps }, () => 0)].slice(-(slots + 1));
  return { slot, counts };
}
