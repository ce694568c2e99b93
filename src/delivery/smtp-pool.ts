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

/** Why a connection is idle no more. Made once: it happens at every message. */
const taken = new Error("the connection is taken");

export class SmtpPool implements AsyncDisposable {
  readonly #options: SmtpSessionOptions;
  readonly #limits: PoolLimits;
  readonly #clock: Clock;
  /** With what ends their idling. The one used last comes last. */
  readonly #kept = new Map<SmtpSession, AbortController>();
  readonly #openedAt = new WeakMap<SmtpSession, EpochMs>();
  readonly #closing = new Set<Promise<void>>();
  #isDisposed = false;

  constructor(options: SmtpSessionOptions, limits: PoolLimits, clock: Clock) {
    this.#options = options;
    this.#limits = limits;
    this.#clock = clock;
  }

  /** A kept connection that is still good, the one used last: what is not needed may grow idle. */
  take(): SmtpSession | undefined {
    for (const [session, idle] of [...this.#kept].toReversed()) {
      this.#kept.delete(session);
      idle.abort(taken);
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
    if (this.#isDisposed || !this.#isUsable(session)) {
      this.release(session);
      return;
    }
    const idle = new AbortController();
    this.#kept.set(session, idle);
    this.#track(this.#expire(session, idle.signal));
  }

  /** Ends a connection with QUIT, without waiting. */
  release(session: SmtpSession): void {
    if (session.isAlive) this.#track(session.quit());
  }

  async #expire(session: SmtpSession, signal: AbortSignal): Promise<void> {
    try {
      await this.#clock.sleep(this.#limits.idleMs, signal);
    } catch {
      return;
    }
    if (this.#kept.delete(session)) this.release(session);
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
    this.#isDisposed = true;
    for (const [session, idle] of this.#kept) {
      idle.abort(taken);
      this.release(session);
    }
    this.#kept.clear();
    // What ends meanwhile may begin to close another.
    while (this.#closing.size > 0) await Promise.all(this.#closing);
  }
}
