/**
 * Takes messages from a source (`work-source.ts`) and hands them over, to one destination.
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
import { traceOf } from "../core/thrown.ts";
import { SpoolError, type Queue, type SpoolHealth } from "../spool/port.ts";
import { isOn } from "./account-pause.ts";
import type { Destination } from "./destination.ts";
import { MessageDelivery, type HandOverOptions } from "./hand-over.ts";
import type { Transport } from "./transport.ts";
import type { Work, WorkSource } from "./work-source.ts";

export interface WorkerOptions extends HandOverOptions {
  /** Messages in transactions at the same time. Half of the places, and at least one, may be taken by large messages. */
  readonly concurrency: number;
}

export interface WorkerPorts {
  readonly queue: Queue;
  readonly source: WorkSource;
  /** Several workers may share one: it is then up or down for all of them. */
  readonly destination: Destination;
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

/** Without any event the queue is looked at again after this time: for clocks that jump. */
const longestWaitMs = 60_000;
const unhealthyWaitMs = 2_000;
/** After a fault of our own a message is not taken up again for so long. */
const faultPauseMs = 10 * 60_000;
/**
 * For each place so many messages may be on their way: the one that is handed over, and one whose outcome is on its way to
 * the disk meanwhile. They are what a crash makes ambiguous, and what may then come twice: more would hardly be faster.
 */
const storingPerPlace = 2;

/** Why a wait was ended. Made once: it happens at every message. */
const awake = new Error("there is something to do");

export function createDeliveryWorker(options: WorkerOptions, ports: WorkerPorts): DeliveryWorker {
  const memory: WorkerMemory = { last: undefined, faulty: new Map() };
  // One after the other: both claim from the same queue.
  let last: Promise<void> = Promise.resolve();
  const start = async (once: boolean, signal: AbortSignal, transfers: AbortSignal): Promise<void> => {
    const before = last;
    const { promise, resolve } = Promise.withResolvers<void>();
    last = promise;
    await before;
    try {
      await new Shift(options, ports, memory, once, signal, transfers).work();
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
  /** Messages at which we have failed ourselves, when, and until when they are left alone. */
  readonly faulty: Map<MessageId, { readonly at: EpochMs; readonly until: EpochMs }>;
}

/** One run of the worker. */
class Shift {
  readonly #options: WorkerOptions;
  readonly #ports: WorkerPorts;
  readonly #memory: WorkerMemory;
  /** Each message at most once, and an end when nothing is left to try. */
  readonly #once: boolean;
  readonly #signal: AbortSignal;
  readonly #transfers: AbortSignal;
  /** One message can be among them twice: other recipients of it fall due, or are named, while it is under way. */
  readonly #running = new Set<Promise<void>>();
  readonly #tried = new Set<MessageId>();
  /** Of those that run: in a transaction, or before it. The others have outcomes on their way to the disk. */
  #transacting = 0;
  #largeRunning = 0;
  #wake = Promise.withResolvers<void>();
  /** One for many waits: most end long before their time. */
  #alarm: { readonly at: EpochMs; readonly end: AbortController } | undefined;

  constructor(
    options: WorkerOptions,
    ports: WorkerPorts,
    memory: WorkerMemory,
    once: boolean,
    signal: AbortSignal,
    transfers: AbortSignal,
  ) {
    this.#options = options;
    this.#ports = ports;
    this.#memory = memory;
    this.#once = once;
    this.#signal = signal;
    this.#transfers = transfers;
  }

  async work(): Promise<void> {
    const { source, destination } = this.#ports;
    // With every place taken, what has come waits for one to become free; and that wakes as well.
    using _source = source.onChange(() => {
      if (this.#room() > 0) this.#wake.resolve();
    });
    using _destination = destination.onChange(() => this.#wake.resolve());
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
      this.#alarm?.end.abort(awake);
      await Promise.all(this.#running);
    }
  }

  /** Begins what there is room for. Says how long to wait, in milliseconds, if nothing happens before. */
  async #round(): Promise<number | "done"> {
    if (this.#ports.health().kind === "failed") return this.#idle(unhealthyWaitMs);
    try {
      const begun = await this.#beginDue();
      const wait = await this.#nextWait();
      return begun > 0 ? wait : this.#idle(wait);
    } catch (error) {
      if (!(error instanceof SpoolError)) this.#ports.events.emit(internal("delivery", error));
      return this.#idle(unhealthyWaitMs);
    }
  }

  /** With `once`, the end is reached when nothing runs, nothing could be begun, and nobody can pass anything on. */
  #idle(wait: number): number | "done" {
    return this.#once && this.#running.size === 0 && !this.#ports.source.isBusy() ? "done" : wait;
  }

  async #beginDue(): Promise<number> {
    const room = this.#room();
    if (room === 0) return 0;
    const wanted = {
      room,
      largeRoom: Math.max(1, Math.floor(this.#options.concurrency / 2)) - this.#largeRunning,
      passesOver: (id: MessageId) => (this.#once && this.#tried.has(id)) || this.#isPaused(id),
      // One message that a target has no room for, or hangs up at, must not be every trial.
      lastly: this.#ports.destination.isDown ? this.#memory.last : undefined,
    };
    const works = await this.#ports.source.next(wanted, this.#signal);
    for (const work of works) {
      // What has come meanwhile: the end, or trouble.
      if (this.#signal.aborted || this.#room() === 0) work[Symbol.dispose]();
      else this.#begin(work);
    }
    return works.length;
  }

  #isPaused(id: MessageId): boolean {
    const pause = this.#memory.faulty.get(id);
    if (pause === undefined) return false;
    if (isOn(pause, this.#ports.clock.now())) return true;
    this.#memory.faulty.delete(id);
    return false;
  }

  #room(): number {
    const { concurrency } = this.#options;
    const storing = this.#running.size - this.#transacting;
    const free = this.#ports.destination.room(this.#transacting, concurrency);
    return Math.max(0, Math.min(free, concurrency * storingPerPlace - storing));
  }

  #begin(work: Work): void {
    const { id } = work.record;
    const { destination } = this.#ports;
    const handedOver = this.#enter(work.isLarge);
    if (this.#once) this.#tried.add(id);
    const done = new MessageDelivery(work, this.#options, this.#ports, destination)
      .run(this.#transfers, handedOver)
      .catch((error: unknown) => {
        const at = this.#ports.clock.now();
        this.#memory.faulty.set(id, { at, until: at + faultPauseMs });
        this.#ports.events.emit(internal(`delivery of ${id}`, error));
      })
      .finally(() => {
        if (destination.isDown) this.#memory.last = id;
        this.#running.delete(done);
        handedOver();
        work[Symbol.dispose]();
        this.#wake.resolve();
      });
    this.#running.add(done);
  }

  /** Takes a place at the destination, and gives back what leaves it. */
  #enter(isLarge: boolean): () => void {
    const place = this.#ports.destination.enter();
    this.#transacting += 1;
    if (isLarge) this.#largeRunning += 1;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#transacting -= 1;
      if (isLarge) this.#largeRunning -= 1;
      place[Symbol.dispose]();
      this.#wake.resolve();
    };
  }

  async #nextWait(): Promise<number> {
    const now = this.#ports.clock.now();
    if (this.#running.size > 0 && this.#room() === 0) return longestWaitMs;
    const times: EpochMs[] = [now + longestWaitMs];
    const { destination, source } = this.#ports;
    // What has no room now waits for that alone.
    const next = this.#room() === 0 ? destination.nextAt() : await source.nextAt();
    if (next !== undefined) times.push(Math.max(next, now));
    return Math.min(...times) - now;
  }

  /** Ends sooner at any wake; and, where an earlier wait was for less, when that is over: the next round finds nothing then. */
  async #waitFor(ms: number): Promise<void> {
    const { clock } = this.#ports;
    const until = clock.now() + ms;
    const isSoon = this.#alarm !== undefined && this.#alarm.at <= until;
    if (!isSoon) {
      this.#alarm?.end.abort(awake);
      const alarm = { at: until, end: new AbortController() };
      this.#alarm = alarm;
      const rung = (): void => {
        if (this.#alarm !== alarm) return;
        this.#alarm = undefined;
        this.#wake.resolve();
      };
      clock.sleep(ms, alarm.end.signal).then(rung, () => undefined);
    }
    await this.#wake.promise;
  }
}

function internal(where: string, error: unknown): { kind: "internal-error"; where: string; detail: string } {
  return {
    kind: "internal-error",
    where,
    detail: traceOf(error),
  };
}
