/**
 * Takes what is due from the queue and hands it over, to one destination.
 *
 * Guarantees
 * - A recipient's outcome is durable before the message's next transaction begins, and before the message can be taken up
 *   again. An outcome that cannot be stored is kept and tried until it can: the message is not handed over a second time
 *   by this process.
 * - While the spool has failed, nothing is begun.
 * - Large messages get only some of the places, so that they do not hold up small ones.
 * - When the signal is aborted nothing new is begun; `run` resolves when what is under way has ended.
 *
 * Whatever goes wrong with one message is told as an event and leaves the others alone; a message at which we fail
 * ourselves is left alone for a while, or it would be tried without a pause.
 */
import type { EventSink } from "../core/events.ts";
import type { MessageId } from "../core/ids.ts";
import type { Clock, EpochMs, Random } from "../core/ports.ts";
import { SpoolError, type Queue, type SpoolHealth } from "../spool/port.ts";
import type { MessageRecord } from "../spool/record.ts";
import { Destination } from "./destination.ts";
import { MessageDelivery, type HandOverOptions } from "./hand-over.ts";
import type { Transport } from "./transport.ts";

export interface WorkerOptions extends HandOverOptions {
  /** Messages under way at the same time. */
  readonly concurrency: number;
  /** From this size on a message counts as large. Octets. */
  readonly largeOctets: number;
}

export interface WorkerPorts {
  readonly queue: Queue;
  readonly health: () => SpoolHealth;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: EventSink;
}

export interface DeliveryWorker {
  /**
   * Delivers until the signal is aborted. What is under way then goes on, unless `transfers` is aborted: the same signal
   * unless given.
   */
  run(signal: AbortSignal, transfers?: AbortSignal): Promise<void>;
  /** Tries everything that is due now, each message once, and resolves. */
  drain(signal: AbortSignal): Promise<void>;
}

/** How many due messages are looked at when places are free: more than places, since large ones may have to wait. */
const lookAhead = 200;
/** Without any event the queue is looked at again after this time: for clocks that jump. */
const longestWaitMs = 60_000;
const unhealthyWaitMs = 2_000;
/** After a fault of our own a message is not taken up again for so long. */
const faultPauseMs = 10 * 60_000;

export function createDeliveryWorker(options: WorkerOptions, ports: WorkerPorts): DeliveryWorker {
  const destination = new Destination(ports.transport.name, ports);
  const memory: WorkerMemory = { last: undefined, faulty: new Map() };
  // One after the other: both claim from the same queue.
  let last: Promise<void> = Promise.resolve();
  const start = async (once: boolean, signal: AbortSignal, transfers: AbortSignal): Promise<void> => {
    const before = last;
    const { promise, resolve } = Promise.withResolvers<void>();
    last = promise;
    await before;
    try {
      await new Shift(options, ports, destination, memory, once, signal, transfers).work();
    } finally {
      resolve();
    }
  };
  return {
    run: async (signal, transfers = signal) => start(false, signal, transfers),
    drain: async (signal) => start(true, signal, signal),
  };
}

/** What outlives one run of the worker. */
interface WorkerMemory {
  /** The message with which the destination was last found down: the next trial is another's, if there is one. */
  last: MessageId | undefined;
  /** Messages at which we have failed ourselves, and until when they are left alone. */
  readonly faulty: Map<MessageId, EpochMs>;
}

/** One run of the worker. */
class Shift {
  readonly #options: WorkerOptions;
  readonly #ports: WorkerPorts;
  readonly #destination: Destination;
  readonly #memory: WorkerMemory;
  /** Each message at most once, and an end when nothing is left to try. */
  readonly #once: boolean;
  readonly #signal: AbortSignal;
  readonly #transfers: AbortSignal;
  readonly #running = new Map<MessageId, Promise<void>>();
  readonly #tried = new Set<MessageId>();
  #largeRunning = 0;
  #wake = Promise.withResolvers<void>();

  constructor(
    options: WorkerOptions,
    ports: WorkerPorts,
    destination: Destination,
    memory: WorkerMemory,
    once: boolean,
    signal: AbortSignal,
    transfers: AbortSignal,
  ) {
    this.#options = options;
    this.#ports = ports;
    this.#destination = destination;
    this.#memory = memory;
    this.#once = once;
    this.#signal = signal;
    this.#transfers = transfers;
  }

  async work(): Promise<void> {
    using _changes = this.#ports.queue.onChange(() => this.#wake.resolve());
    const onAbort = (): void => this.#wake.resolve();
    this.#signal.addEventListener("abort", onAbort, { once: true });
    try {
      while (!this.#signal.aborted) {
        // Anything that happens from here on ends the wait below.
        this.#wake = Promise.withResolvers();
        const wait = await this.#round();
        if (wait === "done") break;
        if (!this.#signal.aborted) await this.#waitFor(wait);
      }
    } finally {
      this.#signal.removeEventListener("abort", onAbort);
      await Promise.all(this.#running.values());
    }
  }

  /** Begins what there is room for. Says how long to wait, in milliseconds, if nothing happens before. */
  async #round(): Promise<number | "done"> {
    if (this.#ports.health().kind === "failed") return this.#idle(unhealthyWaitMs);
    try {
      const begun = await this.#beginDue();
      if (begun > 0) return longestWaitMs;
      return this.#idle(await this.#nextWait());
    } catch (error) {
      if (!(error instanceof SpoolError)) this.#ports.events.emit(internal("delivery", error));
      return this.#idle(unhealthyWaitMs);
    }
  }

  /** With `once`, the end is reached when nothing runs and nothing could be begun. */
  #idle(wait: number): number | "done" {
    return this.#once && this.#running.size === 0 ? "done" : wait;
  }

  async #beginDue(): Promise<number> {
    const { concurrency } = this.#options;
    if (this.#room() === 0) return 0;
    const passedOver = this.#running.size + this.#memory.faulty.size + (this.#once ? this.#tried.size : 0);
    const limit = lookAhead + passedOver;
    let begun = 0;
    const due = await this.#ports.queue.due("inbound", this.#ports.clock.now(), limit);
    for (const id of this.#inTurn(due.map((entry) => entry.id))) {
      if (this.#signal.aborted || this.#room() === 0) break;
      if (this.#running.has(id) || (this.#once && this.#tried.has(id)) || this.#isPaused(id)) continue;
      const record = await this.#ports.queue.load(id);
      if (record === undefined) continue;
      const large = record.size >= this.#options.largeOctets;
      if (large && this.#largeRunning >= Math.max(1, Math.floor(concurrency / 2))) continue;
      this.#begin(record, large);
      begun += 1;
    }
    return begun;
  }

  #isPaused(id: MessageId): boolean {
    const until = this.#memory.faulty.get(id);
    if (until === undefined) return false;
    if (this.#ports.clock.now() < until) return true;
    this.#memory.faulty.delete(id);
    return false;
  }

  /** One message that a target has no room for, or hangs up at, must not be every trial. */
  #inTurn(due: readonly MessageId[]): readonly MessageId[] {
    const { last } = this.#memory;
    if (!this.#destination.isDown || last === undefined || !due.includes(last)) return due;
    return [...due.filter((id) => id !== last), last];
  }

  #room(): number {
    return this.#destination.room(this.#running.size, this.#options.concurrency);
  }

  #begin(record: MessageRecord, large: boolean): void {
    const { id } = record;
    if (this.#once) this.#tried.add(id);
    if (large) this.#largeRunning += 1;
    const delivery = new MessageDelivery(record, this.#options, this.#ports, this.#destination);
    const done = delivery
      .run(this.#transfers)
      .catch((error: unknown) => {
        this.#memory.faulty.set(id, this.#ports.clock.now() + faultPauseMs);
        this.#ports.events.emit(internal(`delivery of ${id}`, error));
      })
      .finally(() => {
        if (large) this.#largeRunning -= 1;
        if (this.#destination.isDown) this.#memory.last = id;
        this.#running.delete(id);
        this.#wake.resolve();
      });
    this.#running.set(id, done);
  }

  async #nextWait(): Promise<number> {
    const now = this.#ports.clock.now();
    if (this.#running.size > 0 && this.#room() === 0) return longestWaitMs;
    const times: EpochMs[] = [now + longestWaitMs];
    const { retryAt } = this.#destination;
    if (retryAt === undefined) {
      const due = await this.#ports.queue.nextDueAt("inbound");
      // What is due already is under way, or waits for a place: both end with a wake.
      if (due !== undefined && due > now) times.push(due);
    } else times.push(Math.max(retryAt, now));
    return Math.min(...times) - now;
  }

  async #waitFor(ms: number): Promise<void> {
    const ended = new AbortController();
    const sleeping = this.#ports.clock.sleep(ms, ended.signal).catch(() => undefined);
    await Promise.race([sleeping, this.#wake.promise]);
    ended.abort();
    await sleeping;
  }
}

function internal(where: string, error: unknown): { kind: "internal-error"; where: string; detail: string } {
  return {
    kind: "internal-error",
    where,
    detail: error instanceof Error ? (error.stack ?? error.message) : String(error),
  };
}
