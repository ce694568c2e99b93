/**
 * A destination as a whole: whether there is any use in trying.
 *
 *   up ──unavailable──▶ down until `retryAt` ──time──▶ trial: one message ──answered──▶ up, and everything due goes
 *                         ▲                                 │
 *                         └────────── unavailable ──────────┘
 *
 * Trouble of the whole target is thus not counted against each message, and the night's mail goes at once in the morning.
 */
import type { EventSink } from "../core/events.ts";
import { causeText } from "../core/outcome.ts";
import type { Clock, EpochMs, Random } from "../core/ports.ts";
import type { TransactionResult } from "./transport.ts";

/** Pauses between trials. Short: a restart of Exchange takes minutes, and one trial costs one connection. */
const pausesMs: readonly number[] = [5, 10, 20, 40, 60, 120, 300].map((seconds) => seconds * 1000);
const jitter = 0.2;

type State =
  | { readonly kind: "up" }
  | { readonly kind: "down"; readonly since: EpochMs; readonly retryAt: EpochMs; readonly failures: number };

export interface DestinationPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly events: EventSink;
}

export class Destination {
  readonly name: string;
  readonly #ports: DestinationPorts;
  #state: State = { kind: "up" };

  constructor(name: string, ports: DestinationPorts) {
    this.name = name;
    this.#ports = ports;
  }

  /** How many messages may be under way now: none, one for a trial, or as many as there is room for. */
  room(running: number, most: number): number {
    if (this.#state.kind === "up") return Math.max(0, most - running);
    return this.#ports.clock.now() < this.#state.retryAt ? 0 : Math.max(0, 1 - running);
  }

  get isDown(): boolean {
    return this.#state.kind === "down";
  }

  /** When the next trial is due; `undefined` while it is up. */
  get retryAt(): EpochMs | undefined {
    return this.#state.kind === "down" ? this.#state.retryAt : undefined;
  }

  /** Takes note of what a transaction says about the destination. */
  note(seen: TransactionResult["destination"]): void {
    const { clock, random, events } = this.#ports;
    const now = clock.now();
    const before = this.#state;
    if (seen.kind === "answered") {
      if (before.kind === "up") return;
      this.#state = { kind: "up" };
      events.emit({ kind: "destination-up", destination: this.name, afterMs: now - before.since });
      return;
    }
    // Others that were under way when it went down say nothing new.
    if (before.kind === "down" && now < before.retryAt) return;
    const failures = before.kind === "down" ? before.failures + 1 : 1;
    const pause = pausesMs[Math.min(failures, pausesMs.length) - 1] ?? 0;
    const retryAt = now + Math.round(pause * (1 - jitter + 2 * jitter * random.next()));
    this.#state = { kind: "down", since: before.kind === "down" ? before.since : now, retryAt, failures };
    const cause = causeText(seen.cause);
    events.emit({ kind: "destination-down", destination: this.name, cause, probeAt: retryAt });
  }
}
