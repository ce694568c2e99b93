/**
 * What came in and went out, hour by hour, for the last 48 hours: counted from the events as they happen, the queue looked
 * at every five minutes. Kept in memory: after a restart it begins anew, and says since when it counts.
 *
 * Memory is bounded: 48 hours, and in each no more destinations than the configuration names. A clock that is set back
 * counts on in the latest hour there is.
 */
import type { HourCounts, Statistics } from "../admin/schemas.ts";
import type { PopgateEvent } from "../core/events.ts";
import type { Clock, EpochMs } from "../core/ports.ts";
import { SpoolError, type Inspection } from "../spool/port.ts";
import { queueOf } from "./queue-counts.ts";

const hourMs = 3_600_000;
const hoursKept = 48;
const lookEveryMs = 5 * 60_000;

type Writable<T> = { -readonly [K in keyof T]: T[K] };

export class HourlyStatistics {
  readonly #clock: Clock;
  readonly #since: EpochMs;
  /** Oldest first; hours in which nothing happened are left out here. */
  readonly #hours: Writable<HourCounts>[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#since = clock.now();
  }

  note(event: PopgateEvent): void {
    switch (event.kind) {
      case "received":
      case "submitted":
        this.#hour()[event.kind] += 1;
        this.#hour().octets += event.size;
        break;
      case "delivered": {
        const { handedOver } = this.#hour();
        handedOver[event.destination] = (handedOver[event.destination] ?? 0) + 1;
        break;
      }
      case "deferred":
      case "refused":
      case "held":
        this.#hour()[event.kind] += 1;
        break;
      case "poll-finished":
        this.#hour().polls += 1;
        break;
      case "poll-failed":
        this.#hour().failedPolls += 1;
        break;
      // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- the others are not counted
      default:
    }
  }

  /** Looks at the queue now and then, until the signal is aborted. */
  async watchQueue(spool: Inspection, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.lookAt(spool);
      await this.#clock.sleep(lookEveryMs, signal).catch(() => undefined);
    }
  }

  /** A spool in trouble is not looked at: it tells so by itself. */
  async lookAt(spool: Inspection): Promise<void> {
    try {
      const { queued, oldestQueuedAt } = await queueOf(spool);
      const hour = this.#hour();
      const age = oldestQueuedAt === undefined ? 0 : Math.max(0, Math.round(this.#clock.now() - oldestQueuedAt));
      hour.mostQueued = Math.max(hour.mostQueued ?? 0, queued);
      hour.oldestMs = Math.max(hour.oldestMs ?? 0, age);
    } catch (error) {
      if (!(error instanceof SpoolError)) throw error;
    }
  }

  /** All 48 hours, those before the start among them, with nothing in them. */
  page(): Statistics {
    const latest = this.#hour().at;
    const known = new Map(this.#hours.map((hour) => [hour.at, hour]));
    const hours = Array.from({ length: hoursKept }, (_, back) => latest - (hoursKept - 1 - back) * hourMs);
    return {
      now: Math.round(this.#clock.now()),
      since: Math.round(this.#since),
      hours: hours.map((at) => known.get(at) ?? emptyHour(at)),
    };
  }

  #hour(): Writable<HourCounts> {
    const at = Math.floor(this.#clock.now() / hourMs) * hourMs;
    const latest = this.#hours.at(-1);
    if (latest !== undefined && latest.at >= at) return latest;
    const hour = emptyHour(at);
    this.#hours.push(hour);
    if (this.#hours.length > hoursKept) this.#hours.shift();
    return hour;
  }
}

function emptyHour(at: EpochMs): Writable<HourCounts> {
  return {
    at,
    received: 0,
    submitted: 0,
    octets: 0,
    handedOver: {},
    deferred: 0,
    refused: 0,
    held: 0,
    polls: 0,
    failedPolls: 0,
  };
}
