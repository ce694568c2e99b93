/**
 * One way out of the queue: a destination, what waits for it in its lanes, and from where on mail waits that could not go
 * this way when it was looked at.
 *
 * `parked` is a position before all such mail. When the way becomes usable, or the time comes at which it may, the lanes
 * are pulled back to there.
 *
 * A way in trouble takes one message at a time, to find out whether the trouble is over. Not twice in a row the same one,
 * if there is another: a message that a server has no room for, or hangs up at, must not be every trial.
 */
import type { MessageId } from "../core/ids.ts";
import type { EpochMs } from "../core/ports.ts";
import type { DueEntry } from "../spool/port.ts";
import type { Destination } from "./destination.ts";
import { comparePositions, Lane, type Position } from "./lane.ts";
import { canStandIn, relayWay, type RelayRoute, type WayName } from "./route.ts";

/** Messages in a lane: far more than there are connections; it is filled again when it has been emptied. */
export const defaultCapacity = 200;
/** Of large ones a part of that. */
const largePart = 4;

export class Way {
  readonly name: WayName;
  readonly destination: Destination;
  readonly small: Lane;
  readonly large: Lane;
  readonly lanes: readonly Lane[];
  /** Ways that mail of this one can go by instead. */
  readonly standIns: Way[] = [];
  /** As it was when last looked at: everybody's mail could go this way. */
  isOpen = true;
  /** The message that found it in trouble last. */
  lastTrial: MessageId | undefined;
  /** The last trial's message, met while another was looked for. */
  spare: DueEntry | undefined;
  #parked: Position = "frontier";
  #parkedUntil: EpochMs = Infinity;
  #isChanged = false;

  constructor(name: WayName, destination: Destination, capacity: number) {
    this.name = name;
    this.destination = destination;
    this.small = new Lane(capacity);
    this.large = new Lane(Math.ceil(capacity / largePart));
    this.lanes = [this.small, this.large];
  }

  get waiting(): number {
    return this.small.entries.length + this.large.entries.length;
  }

  /** One message may be given to it to find out how it is, and none has been. */
  get wantsTrial(): boolean {
    return this.waiting === 0 && this.destination.running === 0 && this.destination.usable().kind === "trial";
  }

  /** In trouble: whether this message is to be the next trial. */
  takesTrial(entry: DueEntry, isLarge: boolean): boolean {
    const lane = this.laneFor(isLarge);
    if (lane.has(entry.id)) return true;
    if (!this.wantsTrial || comparePositions(entry, lane.behind) > 0) return false;
    if (entry.id !== this.lastTrial) return true;
    this.spare = entry;
    return false;
  }

  /** The last trial's message is to be the next one all the same. */
  takeSpare(): DueEntry | undefined {
    const { spare } = this;
    this.spare = undefined;
    this.lastTrial = undefined;
    return spare;
  }

  laneFor(isLarge: boolean): Lane {
    return isLarge ? this.large : this.small;
  }

  /** The longest due in its lanes. */
  first(isLargeWelcome: boolean): DueEntry | undefined {
    const [small] = this.small.entries;
    const large = isLargeWelcome ? this.large.entries[0] : undefined;
    if (small === undefined || large === undefined) return small ?? large;
    return comparePositions(small, large) <= 0 ? small : large;
  }

  remove({ id }: DueEntry): void {
    for (const lane of this.lanes) lane.remove(id);
  }

  /** A message at `position` would go this way if it could: it is looked at again at `until`, or when that changes. */
  park(position: Position, until: EpochMs): void {
    if (comparePositions(position, this.#parked) < 0) this.#parked = position;
    this.#parkedUntil = Math.min(this.#parkedUntil, until);
  }

  /** The destination says that something is different now. */
  changed(): void {
    this.#isChanged = true;
  }

  /** When parked mail is to be looked at without anything having changed. */
  get parkedUntil(): EpochMs | undefined {
    return this.#parkedUntil === Infinity ? undefined : this.#parkedUntil;
  }

  /** Whether parked mail is to be looked at now. */
  isRipe(now: EpochMs): boolean {
    return this.#parked !== "frontier" && (this.#isChanged || now >= this.#parkedUntil || this.wantsTrial);
  }

  /** Lets the lanes look at parked mail again. */
  unpark(): void {
    for (const lane of this.lanes) lane.pullBack(this.#parked);
    this.#parked = "frontier";
    this.#parkedUntil = Infinity;
    this.#isChanged = false;
  }

  /**
   * It cannot be used any more: others look at what its lanes have not come to, and it parks what lies there. Gives what
   * was in its lanes, to be looked at again.
   */
  close(): readonly DueEntry[] {
    const entries = this.lanes.flatMap((lane) => lane.clear());
    for (const lane of this.lanes) {
      if (lane.behind === "frontier") continue;
      for (const way of this.standIns) for (const other of way.lanes) other.pullBack(lane.behind);
      this.park(lane.behind, Infinity);
      lane.advance("frontier");
    }
    return entries;
  }

  /** Everything is to be looked at from the beginning. */
  reset(): void {
    this.unpark();
    this.spare = undefined;
    for (const lane of this.lanes) {
      lane.clear();
      lane.advance("frontier");
    }
  }
}

/** A way to each destination; those that mail of the same senders can go know of each other. */
export function waysTo(
  destinations: ReadonlyMap<WayName, Destination>,
  relays: readonly RelayRoute[],
  capacity: number,
): ReadonlyMap<WayName, Way> {
  const ways = new Map([...destinations].map(([name, destination]) => [name, new Way(name, destination, capacity)]));
  for (const relay of relays) {
    const others = relays.filter((other) => other !== relay && canStandIn(relay, other));
    const standIns = others.flatMap(({ name }) => ways.get(relayWay(name)) ?? []);
    ways.get(relayWay(relay.name))?.standIns.push(...standIns);
  }
  return ways;
}
