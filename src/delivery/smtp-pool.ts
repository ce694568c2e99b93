/**
 * Connections to one server that are kept for the next message.
 *
 * A kept connection belongs to the pool, a taken one to the taker, who gives it back by `keep` or `release`. It is used
 * for so many messages, kept idle for so long and never used beyond an age: servers end connections by such limits, and
 * one that ends by itself costs a failed attempt. Disposing says QUIT on what is kept and waits for what is closing.
 */
import type { Clock, EpochMs } from "../core/ports.ts";
import { SmtpSession, type SmtpSessionOptions } from "./smtp-session.ts";

export interface PoolLimits {
  readonly maxMessagesPerConnection: number;
  /** A kept connection is given up after this time without mail. */
  readonly idleMs: number;
  /** No transaction is begun on an older connection. */
  readonly maxAgeMs: number;
}

export class SmtpPool implements AsyncDisposable {
  readonly #options: SmtpSessionOptions;
  readonly #limits: PoolLimits;
  readonly #clock: Clock;
  /** With the time since which they are idle. The one used last comes last. */
  readonly #kept = new Map<SmtpSession, EpochMs>();
  readonly #openedAt = new WeakMap<SmtpSession, EpochMs>();
  readonly #closing = new Set<Promise<void>>();
  readonly #disposal = new AbortController();
  /** One for all: at every message a connection is taken and kept again. */
  #isSweeping = false;

  constructor(options: SmtpSessionOptions, limits: PoolLimits, clock: Clock) {
    this.#options = options;
    this.#limits = limits;
    this.#clock = clock;
  }

  /** A kept connection that is still good, the one used last: what is not needed may grow idle. */
  take(): SmtpSession | undefined {
    for (const session of [...this.#kept.keys()].toReversed()) {
      this.#kept.delete(session);
      if (this.#isUsable(session)) return session;
      this.release(session);
    }
    return undefined;
  }

  async open(signal: AbortSignal): Promise<SmtpSession> {
    const session = await SmtpSession.open(this.#options, signal);
    this.#openedAt.set(session, this.#clock.now());
    return session;
  }

  /** Gives a connection back for another message, if it is good for one. */
  keep(session: SmtpSession): void {
    if (this.#disposal.signal.aborted || !this.#isUsable(session)) {
      this.release(session);
      return;
    }
    this.#kept.set(session, this.#clock.now());
    if (!this.#isSweeping) this.#track(this.#sweep());
  }

  /** Ends a connection with QUIT, without waiting. */
  release(session: SmtpSession): void {
    if (session.isAlive) this.#track(session.quit());
  }

  /** Ends what has been idle for too long, as long as anything is kept. */
  async #sweep(): Promise<void> {
    const { idleMs } = this.#limits;
    this.#isSweeping = true;
    try {
      for (let [since] = this.#kept.values(); since !== undefined; [since] = this.#kept.values()) {
        // Nothing is idle for longer than it is kept, whatever the clock says.
        const rest = Math.min(Math.max(since + idleMs - this.#clock.now(), 0), idleMs);
        await this.#clock.sleep(rest, this.#disposal.signal);
        for (const [session, begun] of this.#kept) {
          const idle = this.#clock.now() - begun;
          // A clock that was set back would keep them.
          if (idle >= 0 && idle < idleMs) continue;
          this.#kept.delete(session);
          this.release(session);
        }
      }
    } catch (error) {
      if (!this.#disposal.signal.aborted) throw error;
    } finally {
      this.#isSweeping = false;
    }
  }

  #isUsable(session: SmtpSession): boolean {
    const { maxMessagesPerConnection, maxAgeMs } = this.#limits;
    const age = this.#clock.now() - (this.#openedAt.get(session) ?? 0);
    return session.isAlive && session.messages < maxMessagesPerConnection && Math.abs(age) < maxAgeMs;
  }

  #track(work: Promise<void>): void {
    this.#closing.add(work);
    void work.finally(() => this.#closing.delete(work));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposal.abort(new Error("the connections are closed"));
    for (const session of this.#kept.keys()) this.release(session);
    this.#kept.clear();
    // What ends meanwhile may begin to close another.
    while (this.#closing.size > 0) await Promise.all(this.#closing);
  }
}
