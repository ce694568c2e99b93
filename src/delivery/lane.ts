/**
 * What waits for one way, in order of age: a bounded number of messages, and how far the queue has been looked through
 * for more. Small and large messages wait in lanes of their own, so that large ones in front hide no small one.
 *
 * `behind` is the promise of a lane: every due message up to there that belongs into it is in it, is under way, or is to
 * be found again by what pulls it back.
 */
import { lastMessageId, type MessageId } from "../core/ids.ts";
import type { DueEntry } from "../spool/port.ts";

/** A place in the order of due messages: before all of them, right behind one, or as far as anybody has looked. */
export type Position = DueEntry | "start" | "frontier";

export class Lane {
  readonly capacity: number;
  #behind: Position = "frontier";
  #entries: DueEntry[] = [];
  readonly #ids = new Set<MessageId>();

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get behind(): Position {
    return this.#behind;
  }

  get entries(): readonly DueEntry[] {
    return this.#entries;
  }

  has(id: MessageId): boolean {
    return this.#ids.has(id);
  }

  /** Everything up to there has been looked at for this lane. */
  advance(to: Position): void {
    this.#behind = to;
  }

  /** What lies behind `position` has to be looked at again. */
  pullBack(position: Position): void {
    if (comparePositions(position, this.#behind) < 0) this.#behind = position;
  }

  /**
   * Takes a message up. What there is no room for, or what the lane has not come to yet, is found later: `before` is a
   * position before it.
   */
  put(entry: DueEntry, before: Position): void {
    if (this.#ids.has(entry.id) || comparePositions(entry, this.#behind) > 0) return;
    if (this.#entries.length >= this.capacity) {
      const youngest = this.#entries.at(-1);
      if (youngest === undefined || compareEntries(entry, youngest) > 0) {
        this.pullBack(before);
        return;
      }
      this.remove(youngest.id);
      this.pullBack(justBefore(youngest));
      // What the lane has not come to yet may be as old as the one that had to leave.
      if (comparePositions(entry, this.#behind) > 0) return;
    }
    const index = this.#entries.findLastIndex((other) => compareEntries(other, entry) < 0) + 1;
    this.#entries.splice(index, 0, entry);
    this.#ids.add(entry.id);
  }

  remove(id: MessageId): void {
    if (!this.#ids.delete(id)) return;
    this.#entries = this.#entries.filter((entry) => entry.id !== id);
  }

  /** Empties it, and says what was in it. */
  clear(): readonly DueEntry[] {
    const entries = this.#entries;
    this.#entries = [];
    this.#ids.clear();
    return entries;
  }
}

function compareEntries(a: DueEntry, b: DueEntry): number {
  if (a.at !== b.at) return a.at - b.at;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

export function comparePositions(a: Position, b: Position): number {
  if (a === b) return 0;
  if (a === "start" || b === "frontier") return -1;
  if (b === "start" || a === "frontier") return 1;
  return compareEntries(a, b);
}

/** A position before an entry, behind everything that fell due a millisecond earlier. */
export function justBefore({ at }: DueEntry): Position {
  return at <= 0 ? "start" : { at: at - 1, id: lastMessageId };
}
