/**
 * Which recipients of a message are to go which way now: each the first of its ways that is usable for this sender. On the
 * ways that would be preferred and are not usable a note is left, so that the message is looked at again when they are.
 */
import type { Address } from "../core/address.ts";
import type { EventSink } from "../core/events.ts";
import type { Clock, EpochMs } from "../core/ports.ts";
import type { DueEntry } from "../spool/port.ts";
import type { MessageRecord, Recipient } from "../spool/record.ts";
import type { Claims } from "./claims.ts";
import type { Position } from "./lane.ts";
import type { LaterTimes } from "./later-times.ts";
import { waysOf, whyNoWay, type RouteRules, type WayName } from "./route.ts";
import type { Way } from "./way.ts";

/** The recipients of a message by the way that each is to go now. */
export type Shares = ReadonlyMap<Way, ReadonlySet<Address>>;

export interface SharingOptions {
  readonly routes: RouteRules;
  /** From this size on a message counts as large. Octets. */
  readonly largeOctets: number;
}

/** Senders without a way that have been told of. */
const mostTold = 1000;

export class Sharing {
  readonly #options: SharingOptions;
  readonly #ways: ReadonlyMap<WayName, Way>;
  readonly #claims: Claims;
  readonly #later: LaterTimes;
  readonly #ports: { readonly clock: Clock; readonly events: EventSink };
  readonly #told = new Set<string>();

  constructor(
    options: SharingOptions,
    ways: ReadonlyMap<WayName, Way>,
    claims: Claims,
    later: LaterTimes,
    ports: { readonly clock: Clock; readonly events: EventSink },
  ) {
    this.#options = options;
    this.#ways = ways;
    this.#claims = claims;
    this.#later = later;
    this.#ports = ports;
  }

  /** Without recipients that somebody has claimed. `before`: a position before the message's own. */
  share(record: MessageRecord, entry: DueEntry, before: Position): Shares {
    const now = this.#ports.clock.now();
    const shares = new Map<Way, Set<Address>>();
    let later: EpochMs | undefined;
    for (const recipient of record.recipients) {
      const { address, state } = recipient;
      if (state.kind !== "queued" || this.#claims.has(record.id, address)) continue;
      if (state.nextAttemptAt > now) later = Math.min(later ?? Infinity, state.nextAttemptAt);
      else {
        const way = this.#wayFor(record, recipient, entry, before);
        if (way !== undefined) shares.set(way, (shares.get(way) ?? new Set()).add(address));
      }
    }
    // The queue shows the earliest time of a message: when that has passed, the others have to be remembered.
    if (later !== undefined && entry.at <= now) this.#later.add(record.id, later);
    return shares;
  }

  #wayFor(record: MessageRecord, recipient: Recipient, entry: DueEntry, before: Position): Way | undefined {
    const names = waysOf(record, recipient, this.#options.routes);
    if (names.length === 0) this.#tellUnroutable(record);
    const isLarge = record.size >= this.#options.largeOctets;
    for (const name of names) {
      const way = this.#ways.get(name);
      if (way === undefined) continue;
      const usable = way.destination.usableFor(record.submission?.sender);
      if (usable.kind === "yes" || (usable.kind === "trial" && way.takesTrial(entry, isLarge))) return way;
      way.park(before, usable.kind === "no" ? usable.until : Infinity);
    }
    return undefined;
  }

  #tellUnroutable(record: MessageRecord): void {
    const sender = record.submission?.sender ?? "<>";
    if (this.#told.has(sender) || this.#told.size >= mostTold) return;
    this.#told.add(sender);
    const detail = whyNoWay(record, this.#options.routes);
    this.#ports.events.emit({ kind: "unroutable", message: record.id, sender, detail });
  }
}
