/**
 * When recipients fall due of messages that are due already for the sake of others: the queue shows only the earliest time
 * of a message. Bounded: with too many, the time is kept from which on everything has to be looked at again.
 */
import type { MessageId } from "../core/ids.ts";
import type { EpochMs } from "../core/ports.ts";

const most = 10_000;
/** Times are rounded up to this, so that a list of many is not gone through for each of them. */
const roundMs = 5_000;

export class LaterTimes {
  readonly #times = new Map<MessageId, EpochMs>();
  #first: EpochMs | undefined;
  #overflowAt: EpochMs | undefined;

  /** When the next falls due. */
  get next(): EpochMs | undefined {
    const times = [this.#first, this.#overflowAt].filter((time) => time !== undefined);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  add(id: MessageId, at: EpochMs): void {
    const time = Math.ceil(at / roundMs) * roundMs;
    if (this.#times.size >= most && !this.#times.has(id)) {
      this.#overflowAt = Math.min(this.#overflowAt ?? Infinity, time);
      return;
    }
    this.#times.set(id, Math.min(this.#times.get(id) ?? Infinity, time));
    this.#first = Math.min(this.#first ?? Infinity, time);
  }

  /** Takes out those that have fallen due. */
  due(now: EpochMs): readonly MessageId[] {
    if (this.#first === undefined || now < this.#first) return [];
    const due = [...this.#times].filter(([, time]) => time <= now).map(([id]) => id);
    for (const id of due) this.#times.delete(id);
    this.#first = this.#times.size === 0 ? undefined : Math.min(...this.#times.values());
    return due;
  }

  hasOverflowed(now: EpochMs): boolean {
    return this.#overflowAt !== undefined && now >= this.#overflowAt;
  }

  clear(): void {
    this.#times.clear();
    this.#first = undefined;
    this.#overflowAt = undefined;
  }
}
