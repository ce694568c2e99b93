/**
 * Tells the operator whom the listener turned away, and why: each refusal on its own up to a number for each client and
 * minute, then one line that counts the rest. A client that knocks without end fills no log.
 *
 * Memory is bounded: of so many clients at a time; refusals of others are counted together.
 */
import type { EventOf, EventSink } from "../core/events.ts";
import type { Clock } from "../core/ports.ts";

type Refusal = Omit<EventOf<"client-refused">, "kind">;

const toldOfClient = 10;
const windowMs = 60_000;
const maxClients = 1000;
/** Under this name, which no address has, refusals of clients beyond `maxClients` are counted. */
const others = "other clients";

interface Window {
  readonly until: number;
  told: number;
  /** How many were not told, and the last of them. */
  more: number;
  last: Refusal | undefined;
}

export class RefusalLog implements Disposable {
  readonly #events: EventSink;
  readonly #clock: Clock;
  readonly #windows = new Map<string, Window>();
  readonly #end = new AbortController();
  #isWaiting = false;

  constructor(events: EventSink, clock: Clock) {
    this.#events = events;
    this.#clock = clock;
  }

  add(refusal: Refusal): void {
    this.#closeWindows(this.#clock.now());
    const window = this.#windowOf(refusal.client);
    if (window.told < toldOfClient) {
      window.told++;
      this.#events.emit({ kind: "client-refused", ...refusal });
      return;
    }
    window.more++;
    window.last = refusal;
    if (!this.#isWaiting) void this.#wait();
  }

  /** What has been counted is told. */
  [Symbol.dispose](): void {
    this.#end.abort();
    this.#closeWindows(Number.POSITIVE_INFINITY);
  }

  #windowOf(client: string): Window {
    const key = this.#windows.has(client) || this.#windows.size < maxClients ? client : others;
    const known = this.#windows.get(key);
    if (known !== undefined) return known;
    const window: Window = { until: this.#clock.now() + windowMs, told: 0, more: 0, last: undefined };
    this.#windows.set(key, window);
    return window;
  }

  /** Looks once in a window's length, as long as there is something to be told. */
  async #wait(): Promise<void> {
    this.#isWaiting = true;
    try {
      while ([...this.#windows.values()].some(({ more }) => more > 0)) {
        await this.#clock.sleep(windowMs, this.#end.signal);
        this.#closeWindows(this.#clock.now());
      }
    } catch {
      // Disposed.
    }
    this.#isWaiting = false;
  }

  #closeWindows(now: number): void {
    for (const [key, { until, more, last }] of this.#windows) {
      // Also when the clock was set back by more than a window.
      if (until > now && until <= now + windowMs) continue;
      this.#windows.delete(key);
      if (last === undefined) continue;
      const reply = `${more} more within a minute, the last: ${last.reply}`;
      this.#events.emit({ kind: "client-refused", ...last, client: key, reply });
    }
  }
}
