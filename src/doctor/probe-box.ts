/**
 * Brings the marked mails back from the box, and nothing else: what was there before is only listed, what comes later is
 * looked at by its header (TOP n 0), and only what bears the mark is deleted. A server without TOP has small new messages
 * read whole.
 *
 * Logs in as seldom as the provider wants it: LOGIN-DELAY in CAPA (RFC 2449 §6.5), a delay in a reply, the account's own
 * minimum. A box that is in use, and trouble that passes, are waited out; a refused login ends the wait, since trying on
 * locks accounts. Fails with `Pop3Error`, or with the signal's reason.
 */
import { createHash } from "node:crypto";
import type { Clock, EpochMs } from "../core/ports.ts";
import { parseHeaderBlock } from "../message/header.ts";
import { type ListedMessage, type Listing, type Pop3Box, type Pop3Connect, Pop3Error } from "../pop3/port.ts";
import { probeKindOf } from "./probe-mails.ts";
import type { ProbeCopy } from "./probe-verdict.ts";

export interface BoxToWatch {
  readonly connect: Pop3Connect;
  readonly token: string;
  /** Least time between two logins. */
  readonly minIntervalMs: number;
  /** The marked mails stay in the box. */
  readonly keep: boolean;
}

export interface BoxPorts {
  readonly clock: Clock;
  /** Tells a person how it gets on. */
  readonly progress: (text: string) => void;
}

/** What was fetched. */
export interface Gathered {
  readonly copies: readonly ProbeCopy[];
  /** Marked mails that are still in the box, or whose deletion the server has not confirmed. */
  readonly left: number;
}

/** The marked mails are smaller, with what a provider adds. */
const largestProbe = 128 * 1024;
/** How often it is looked where nobody says otherwise. */
const usualPauseMs = 10_000;
/** What `[LOGIN-DELAY]` means where no time is told: the longest rule in use. */
const unknownDelayMs = 15 * 60_000;
/** Delays that are waited out one after the other. */
const mostDelays = 2;

export class ProbeBox {
  readonly #box: BoxToWatch;
  readonly #ports: BoxPorts;
  /** Known and of no interest. */
  readonly #seen = new Set<string>();
  /** Without UIDL, what was there before is told by its number. */
  #before = 0;
  /** By unique id, or by content where there is none. */
  readonly #copies = new Map<string, ProbeCopy>();
  /** Not deleted, because it was not wanted or not allowed. */
  readonly #kept = new Set<string>();
  #pauseMs: number;
  #left = 0;

  constructor(box: BoxToWatch, ports: BoxPorts) {
    this.#box = box;
    this.#ports = ports;
    this.#pauseMs = Math.max(usualPauseMs, box.minIntervalMs);
  }

  /** Before anything is sent: the login works, and what lies there now is known. Waits for a box in use until `until`. */
  async begin(until: EpochMs, signal: AbortSignal): Promise<void> {
    // A daemon may have logged in a moment ago: a delay that the server asks for is waited out, however long.
    let delays = 0;
    for (;;) {
      const failure = await this.#session(async ({ messages }) => this.#know(messages), signal);
      if (failure === undefined) return;
      if (failure.kind === "login-delay") delays += 1;
      const isWorthIt = failure.kind === "login-delay" && delays <= mostDelays;
      if (!isWorthIt && !this.#hasTimeFor(until)) throw failure;
      await this.#pause(signal);
    }
  }

  /**
   * Looks until every kind has as many copies as it can have, and once more after that every kind is there, or until the
   * time is up.
   */
  async gather(expected: ReadonlyMap<string, number>, until: EpochMs, signal: AbortSignal): Promise<Gathered> {
    let wasThere = false;
    // Once at least: a provider's delay may be longer than the time that was given.
    do {
      await this.#pause(signal);
      await this.#session(async (listing, box) => this.#look(listing, box), signal);
      const isThere = [...expected.keys()].every((kind) => this.#count(kind) > 0);
      const isFull = [...expected].every(([kind, most]) => this.#count(kind) >= most);
      this.#ports.progress(`${this.#copies.size} marked mail(s) have come back`);
      if ((isFull || (isThere && wasThere)) && this.#left === 0) break;
      wasThere = isThere;
    } while (this.#hasTimeFor(until));
    return { copies: [...this.#copies.values()], left: this.#kept.size + this.#left };
  }

  #count(kind: string): number {
    return [...this.#copies.values()].filter((copy) => copy.kind === kind).length;
  }

  /** Whether the next look would be in time. */
  #hasTimeFor(until: EpochMs): boolean {
    return this.#ports.clock.now() + this.#pauseMs <= until;
  }

  /** Gives what kept it from being looked at, where that may pass. */
  async #session(
    work: (listing: Listing, box: Pop3Box) => Promise<void> | void,
    signal: AbortSignal,
  ): Promise<Pop3Error | undefined> {
    try {
      await using box = await this.#box.connect(signal, undefined);
      const delay = box.capabilities.loginDelaySeconds;
      if (delay !== undefined) this.#pauseMs = Math.max(this.#pauseMs, delay * 1000);
      await work(await box.list(), box);
      const { confirmed } = await box.quit();
      if (confirmed) this.#left = 0;
      return undefined;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Pop3Error) || !isPassing(error)) throw error;
      this.#ports.progress(`the box cannot be looked at now: ${error.message}`);
      if (error.kind === "login-delay") this.#pauseMs = Math.max(this.#pauseMs, error.retryAfterMs ?? unknownDelayMs);
      return error;
    }
  }

  async #pause(signal: AbortSignal): Promise<void> {
    const { clock, progress } = this.#ports;
    const seconds = Math.round(this.#pauseMs / 1000);
    progress(`waiting ${seconds} s before the box is looked at (${this.#copies.size} back so far)`);
    await clock.sleep(this.#pauseMs, signal);
  }

  #know(messages: readonly ListedMessage[]): void {
    this.#before = messages.length;
    for (const { uidl } of messages) if (uidl !== undefined) this.#seen.add(uidl);
  }

  async #look({ messages }: Listing, box: Pop3Box): Promise<void> {
    this.#left = 0;
    for (const { number, size, uidl } of messages) {
      if (uidl === undefined ? number <= this.#before : this.#seen.has(uidl)) continue;
      if (size !== undefined && size > largestProbe) continue;
      const octets = await headerOf(box, number);
      if (octets === undefined) continue;
      const header = parseHeaderBlock(octets);
      const kind = probeKindOf(header, this.#box.token);
      if (kind === undefined) {
        if (uidl !== undefined) this.#seen.add(uidl);
        continue;
      }
      const key = uidl ?? digestOf(octets);
      this.#copies.set(key, { kind, header });
      if (this.#box.keep || !(await box.delete(number))) this.#kept.add(key);
      // Nothing is deleted before QUIT is confirmed.
      else this.#left += 1;
      if (uidl !== undefined && this.#kept.has(uidl)) this.#seen.add(uidl);
    }
  }
}

function isPassing({ kind }: Pop3Error): boolean {
  return kind === "in-use" || kind === "login-delay" || kind === "temporary" || kind === "connection";
}

async function headerOf(box: Pop3Box, number: number): Promise<Buffer | undefined> {
  const { announced, top } = box.capabilities;
  const head = announced && !top ? undefined : await box.top(number, 0, largestProbe);
  if (head !== undefined) return head;
  const retrieval = await box.retrieve(number);
  if (retrieval.kind === "refused") return undefined;
  const chunks: Buffer[] = [];
  let octets = 0;
  for await (const chunk of retrieval.body) {
    // Read to its end, whatever its length: what follows comes after it.
    if (octets < largestProbe) chunks.push(chunk);
    octets += chunk.length;
  }
  return Buffer.concat(chunks);
}

function digestOf(octets: Buffer): string {
  return createHash("sha256").update(octets).digest("hex");
}
