/**
 * Shares the outbound mail that is due out among the destinations: each message waits in the lane of the first way that
 * is usable for it, and a worker of that destination takes it from there. The way is found again when it is taken.
 *
 * Guarantees
 * - A recipient is with one worker at a time.
 * - Mail for one destination, however much of it, hides no mail for another: the queue is looked through to its end, and
 *   what a full lane cannot take is looked for again when the lane has been emptied.
 * - Within a lane the longest due comes first.
 * - A message that can go nowhere now waits for the first of its ways to become usable.
 *
 * Costs: each message is read when it falls due, when it is taken and when it has changed; beyond what a lane holds, once
 * more. A round without news costs nothing. In memory are the lanes, ids that have changed and times to come, all bounded:
 * when they overflow, and when the clock has been set back, everything is looked at from the beginning.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Address } from "../core/address.ts";
import type { EventSink } from "../core/events.ts";
import type { MessageId } from "../core/ids.ts";
import type { Clock, EpochMs } from "../core/ports.ts";
import type { DueEntry, Queue } from "../spool/port.ts";
import { nextDue, type MessageRecord } from "../spool/record.ts";
import { Claims } from "./claims.ts";
import type { Destination } from "./destination.ts";
import { comparePositions, justBefore, type Lane, type Position } from "./lane.ts";
import { LaterTimes } from "./later-times.ts";
import type { RouteRules, WayName } from "./route.ts";
import { Sharing } from "./sharing.ts";
import { defaultCapacity, waysTo, type Way } from "./way.ts";
import type { Work, WorkSource, WorkWanted } from "./work-source.ts";

export interface DispatcherOptions {
  /** Messages that wait for one destination in memory, the large ones apart. */
  readonly laneCapacity?: number | undefined;
  readonly routes: RouteRules;
  /** From this size on a message counts as large. Octets. */
  readonly largeOctets: number;
}

export interface DispatcherPorts {
  readonly queue: Queue;
  readonly clock: Clock;
  readonly events: EventSink;
}

/** Messages read in one go; then others have their turn. */
const page = 100;
/** So many changes are kept by id; with more, everything is looked at again. */
const mostChanges = 10_000;
/** So many pages are looked through for another trial than the last one. */
const pagesForTrial = 3;
/** A message that could not be read is looked at again after this time. */
const unreadableMs = 60_000;
/** What a worker does not want now is offered again after this time. */
const passedOverMs = 60_000;
/** A clock that was set back by less makes nothing wait noticeably longer, and looking at everything again is work. */
const setBackMs = 30_000;

export class Dispatcher implements Disposable {
  readonly #options: DispatcherOptions;
  readonly #ports: DispatcherPorts;
  readonly #ways: ReadonlyMap<WayName, Way>;
  readonly #claims = new Claims();
  readonly #changes = new Set<MessageId>();
  readonly #later = new LaterTimes();
  readonly #listeners = new Set<() => void>();
  readonly #sharing: Sharing;
  readonly #subscriptions = new DisposableStack();
  /** Everything that is due, up to there, has been looked at. */
  #frontier: Position = "start";
  /** When there may be something behind the frontier; `undefined`: only after a change. */
  #frontierAt: EpochMs | undefined = 0;
  /** The latest time that the clock has shown; times to come have been reckoned from it, or from before. */
  #seenAt: EpochMs = 0;
  /** Who looks through the queue does so alone. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: DispatcherOptions, destinations: ReadonlyMap<WayName, Destination>, ports: DispatcherPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#ways = waysTo(destinations, options.routes.relays, options.laneCapacity ?? defaultCapacity);
    this.#sharing = new Sharing(options, this.#ways, this.#claims, this.#later, ports);
    this.#subscriptions.use(ports.queue.onChange((id) => this.#noteChange(id)));
    for (const way of this.#ways.values())
      this.#subscriptions.use(
        way.destination.onChange((what) => {
          if (what === "usable") way.changed();
          this.#tell();
        }),
      );
  }

  /** The mail of one way. */
  source(name: WayName): WorkSource {
    const way = this.#ways.get(name);
    if (way === undefined) throw new TypeError(`no way ${name}`);
    return {
      next: async (wanted, signal) => this.#next(way, wanted, signal),
      nextAt: async () => this.#nextAt(way),
      isBusy: () => this.#claims.size > 0,
      onChange: (listener) => {
        this.#listeners.add(listener);
        return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
      },
    };
  }

  /** How often a message has been given to a worker. */
  get given(): number {
    return this.#claims.made;
  }

  /** Whether anything of a message is under way, or this recipient of it. */
  isUnderWay(id: MessageId, recipient?: Address): boolean {
    return this.#claims.has(id, recipient);
  }

  [Symbol.dispose](): void {
    this.#subscriptions.dispose();
  }

  async #next(way: Way, wanted: WorkWanted, signal: AbortSignal): Promise<readonly Work[]> {
    for (let pages = 0; !signal.aborted; pages++) {
      await this.#alone(async () => this.#followChanges());
      this.#lookAtWays();
      const behind = way.lanes.find(isHungry);
      if (behind !== undefined) await this.#alone(async () => this.#fill(behind));
      const works = await this.#take(way, wanted);
      if (works.length > 0) {
        way.spare = undefined;
        return works;
      }
      if (way.spare !== undefined && (pages >= pagesForTrial || !this.#hasMore(way))) return this.#takeSpare(way);
      if (!this.#hasMore(way)) return [];
      if (behind === undefined) await this.#alone(async () => this.#advance());
      await nextTurn();
    }
    return [];
  }

  #nextAt(way: Way): EpochMs | undefined {
    const times = [this.#frontierAt, this.#later.next, way.parkedUntil].filter((time) => time !== undefined);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** Whether there may be mail for this way that has not been looked at. */
  #hasMore(way: Way): boolean {
    const now = this.#ports.clock.now();
    const isNews = this.#frontierAt !== undefined && this.#frontierAt <= now;
    return isNews || this.#changes.size > 0 || way.lanes.some(isHungry);
  }

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    const doing = this.#last.then(work);
    this.#last = doing.catch(() => undefined);
    return doing;
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  #noteChange(id: MessageId): void {
    // Nothing has been looked at yet: it will be met.
    if (this.#frontier === "start") this.#frontierAt = 0;
    else if (this.#changes.size >= mostChanges) this.#reset();
    else this.#changes.add(id);
    this.#tell();
  }

  #reset(): void {
    this.#changes.clear();
    this.#later.clear();
    for (const way of this.#ways.values()) way.reset();
    this.#frontier = "start";
    this.#frontierAt = 0;
  }

  /** Times reckoned from a clock that was ahead would not come until it has caught up. */
  #lookAtClock(now: EpochMs): void {
    const isBehind = typeof this.#frontier === "object" && now < this.#frontier.at;
    const isSetBack = now + setBackMs < this.#seenAt;
    if (isBehind || isSetBack) this.#reset();
    this.#seenAt = isSetBack ? now : Math.max(this.#seenAt, now);
  }

  /** Takes note of ways that have become usable, or have ceased to be. */
  #lookAtWays(): void {
    const now = this.#ports.clock.now();
    this.#lookAtClock(now);
    for (const way of this.#ways.values()) {
      const isOpen = way.destination.usable().kind === "yes";
      if (way.isOpen && !isOpen) for (const { id } of way.close()) this.#noteChange(id);
      if (!way.isOpen && isOpen) way.changed();
      way.isOpen = isOpen;
      if (way.isRipe(now)) way.unpark();
    }
  }

  /** Looks at messages that have changed, and at those whose time has come that the queue does not show. */
  async #followChanges(): Promise<void> {
    const now = this.#ports.clock.now();
    for (const id of this.#later.due(now)) this.#changes.add(id);
    if (this.#later.hasOverflowed(now)) this.#reset();
    let left = page;
    for (const id of this.#changes) {
      if (left-- === 0) break;
      this.#changes.delete(id);
      const record = await this.#load(id);
      const at = record === undefined ? undefined : nextDue(record);
      if (record?.direction !== "outbound" || at === undefined) continue;
      const entry = { id, at };
      if (comparePositions(entry, this.#frontier) <= 0) this.#offer(record, entry, justBefore(entry));
      // The frontier will come to it.
      else this.#frontierAt = Math.min(this.#frontierAt ?? Infinity, at);
    }
  }

  /** Looks at the next page behind the frontier. */
  async #advance(): Promise<void> {
    const now = this.#ports.clock.now();
    if (this.#frontierAt === undefined || this.#frontierAt > now) return;
    const { queue } = this.#ports;
    const entries = await queue.due("outbound", now, page, entryOf(this.#frontier));
    for (const entry of entries) {
      const before = this.#frontier;
      this.#frontier = entry;
      this.#changes.delete(entry.id);
      await this.#look(entry, before);
    }
    if (entries.length === page) return;
    const [next] = await queue.due("outbound", Number.MAX_SAFE_INTEGER, 1, entryOf(this.#frontier));
    this.#frontierAt = next?.at;
  }

  /** Looks at the next page of what a lane has not come to. */
  async #fill(lane: Lane): Promise<void> {
    if (lane.behind === "frontier") return;
    const start = lane.behind;
    // Lanes that have come just as far look along.
    const lanes = [...this.#ways.values()]
      .flatMap((way) => way.lanes)
      .filter((other) => comparePositions(other.behind, start) === 0 && other.entries.length < other.capacity);
    const entries = await this.#ports.queue.due("outbound", this.#ports.clock.now(), page, entryOf(start));
    let before: Position = start;
    for (const entry of entries) {
      const along = lanes.filter((other) => comparePositions(other.behind, before) === 0);
      if (along.length === 0 || comparePositions(entry, this.#frontier) > 0) break;
      for (const other of along) other.advance(entry);
      await this.#look(entry, before);
      before = entry;
    }
    const isEnd = entries.length < page || entries.some((entry) => comparePositions(entry, this.#frontier) >= 0);
    if (isEnd) for (const other of lanes) if (comparePositions(other.behind, before) === 0) other.advance("frontier");
  }

  async #look(entry: DueEntry, before: Position): Promise<void> {
    const record = await this.#load(entry.id);
    if (record !== undefined) this.#offer(record, entry, before);
  }

  /** One that cannot be read now is remembered for later, since nothing else would; and it must not stop the others. */
  async #load(id: MessageId): Promise<MessageRecord | undefined> {
    const { queue, clock, events } = this.#ports;
    try {
      return await queue.load(id);
    } catch (error) {
      this.#later.add(id, clock.now() + unreadableMs);
      events.emit({ kind: "internal-error", where: `reading ${id}`, detail: String(error) });
      return undefined;
    }
  }

  /** Puts a message into the lanes of its ways. */
  #offer(record: MessageRecord, entry: DueEntry, before: Position): void {
    for (const way of this.#sharing.share(record, entry, before).keys()) this.#put(way, record, entry, before);
  }

  #put(way: Way, { size }: MessageRecord, entry: DueEntry, before: Position): void {
    const wasEmpty = way.waiting === 0;
    way.laneFor(size >= this.#options.largeOctets).put(entry, before);
    if (wasEmpty && way.waiting > 0) this.#tell();
  }

  async #take(way: Way, wanted: WorkWanted): Promise<readonly Work[]> {
    const works: Work[] = [];
    let { largeRoom } = wanted;
    while (works.length < wanted.room) {
      const entry = way.first(largeRoom > 0);
      if (entry === undefined) break;
      way.remove(entry);
      if (wanted.passesOver(entry.id)) {
        way.park(justBefore(entry), this.#ports.clock.now() + passedOverMs);
        continue;
      }
      const work = await this.#claim(way, entry);
      if (work === undefined) continue;
      if (work.isLarge) largeRoom -= 1;
      works.push(work);
    }
    return works;
  }

  /** The last trial once more, since there is no other mail to try. */
  async #takeSpare(way: Way): Promise<readonly Work[]> {
    const entry = way.takeSpare();
    const work = entry === undefined ? undefined : await this.#claim(way, entry);
    return work === undefined ? [] : [work];
  }

  /** Claims what of a message goes this way now; what goes another way is put there. */
  async #claim(way: Way, { id }: DueEntry): Promise<Work | undefined> {
    const record = await this.#load(id);
    const at = record === undefined ? undefined : nextDue(record);
    if (record === undefined || at === undefined) return undefined;
    const entry = { id, at };
    const shares = this.#sharing.share(record, entry, justBefore(entry));
    for (const other of shares.keys()) if (other !== way) this.#put(other, record, entry, justBefore(entry));
    const recipients = shares.get(way);
    if (recipients === undefined) return undefined;
    const claim = this.#claims.add(id, recipients);
    return {
      record,
      recipients,
      isLarge: record.size >= this.#options.largeOctets,
      [Symbol.dispose]: () => {
        claim[Symbol.dispose]();
        if (way.destination.usable().kind !== "yes") way.lastTrial = id;
        // What is left of it may go another way.
        this.#noteChange(id);
      },
    };
  }
}

function entryOf(position: Position): DueEntry | undefined {
  return typeof position === "object" ? position : undefined;
}

/** It is empty, and there may be something for it. */
function isHungry(lane: Lane): boolean {
  return lane.entries.length === 0 && lane.behind !== "frontier";
}
