/**
 * Checks logins, and makes guessing passwords slow: for each client (an IPv4 address, a /64 of IPv6) the pause before the
 * answer doubles with each failure, and after `failuresToLock` of them the client may not log in for a while, which
 * doubles too.
 *
 * Guarantees: a user that does not exist costs the same time as a wrong password; nothing that is told to anyone holds a
 * password, nor the name of a user that does not exist (people type passwords there). No user is ever locked out, only
 * clients: else anybody could lock out Exchange. Memory is bounded; the client whose last failure is the oldest is
 * forgotten first.
 *
 * Fails for now (454) when a hash cannot be read, and says so in an event.
 */
import type { EventSink } from "../core/events.ts";
import { isPasswordHash, type PasswordSource, type PasswordUsers, verifyPassword } from "../core/password-hash.ts";
import type { Clock, EpochMs } from "../core/ports.ts";
import { LoginMemory } from "./login-memory.ts";
import { LoginQueue } from "./login-queue.ts";
import type { Verdict } from "./port.ts";
import { ok, refusals } from "./refusals.ts";

export interface LoginPorts {
  readonly clock: Clock;
  readonly events: EventSink;
}

export interface Login {
  readonly user: string;
  readonly password: string;
  /** Under which name the client is counted. */
  readonly client: string;
  /** From a known network: goes before strangers. */
  readonly known: boolean;
}

interface Record {
  failures: number;
  lastAt: EpochMs;
  lockedAt: EpochMs;
  lockedUntil: EpochMs;
  locks: number;
}

/** `pauseMs`: it was wrong, and is to be answered so much later. */
type Found = "right" | "locked" | "full" | "fault" | { readonly pauseMs: number };

const firstPauseMs = 1000;
/** Well below the five minutes that a client waits at least for a reply (RFC 5321 §4.5.3.2). */
const longestPauseMs = 16_000;
const failuresToLock = 10;
const firstLockMs = 15 * 60_000;
const longestLockMs = 24 * 3_600_000;
/** Without another failure for so long, all is forgotten. */
const forgetMs = 24 * 3_600_000;
const mostClients = 10_000;
const mostTrusted = 1000;
/** No password is longer; what is, is wrong. */
const longestPassword = 1024;

export class LoginDesk {
  readonly #users: PasswordUsers;
  readonly #ports: LoginPorts;
  readonly #queue = new LoginQueue();
  readonly #memory = new LoginMemory();
  readonly #clients = new Map<string, Record>();
  /** Clients that have logged in since the start. */
  readonly #trusted = new Set<string>();
  /** What was last told of a user whose hash could not be read, so that it is told once. */
  readonly #unreadable = new Map<string, string>();

  constructor(users: PasswordUsers, ports: LoginPorts) {
    this.#users = users;
    this.#ports = ports;
  }

  /** Whether there is anyone who could log in. */
  get open(): boolean {
    return this.#users.size > 0;
  }

  trusts(client: string): boolean {
    return this.#trusted.has(client);
  }

  lockedOut(client: string): boolean {
    const record = this.#clients.get(client);
    if (record === undefined) return false;
    const now = this.#ports.clock.now();
    if (now < record.lockedAt) {
      // The clock was set back: the lock begins anew, and nobody waits for the clock to catch up.
      record.lockedUntil -= record.lockedAt - now;
      record.lockedAt = now;
    }
    return now < record.lockedUntil;
  }

  /** Answers when the pause is over that a failure costs. Never rejects: an abort is answered by the end of the connection. */
  async check(login: Login, signal: AbortSignal): Promise<Verdict> {
    if (!this.open) return refusals.noLogins;
    if (this.lockedOut(login.client)) return refusals.lockedOut;
    try {
      const found = await this.#compare(login, signal);
      if (found === "full") return refusals.loginsBusy;
      if (found === "fault") return refusals.loginFault;
      if (found === "locked") return refusals.lockedOut;
      if (found === "right") return ok;
      await this.#ports.clock.sleep(found.pauseMs, signal);
      return refusals.wrongLogin;
    } catch (error) {
      if (signal.aborted) return refusals.ended;
      this.#ports.events.emit({ kind: "internal-error", where: "login", detail: wordsOf(error) });
      return refusals.loginFault;
    }
  }

  async #compare(login: Login, signal: AbortSignal): Promise<Found> {
    const { user, password, client } = login;
    if (this.trusts(client) && (await this.#isRemembered(user, password, signal))) return "right";
    const turn = await this.#queue.enter(client, login.known || this.trusts(client), signal);
    if (turn === "full") return "full";
    using _place = turn;
    // Others of the same client may have failed while this one waited.
    if (this.lockedOut(client)) return "locked";
    const source = this.#users.get(user);
    // An unknown user is compared with somebody's hash all the same, for the time that it takes.
    const [name, standIn] = source === undefined ? this.#anyone() : [user, source];
    const hash = await this.#hashOf(name, standIn, signal);
    if (hash === undefined) return "fault";
    const right = await verifyPassword(password.slice(0, longestPassword), hash);
    // Noted before the next has its turn, and void if another has failed once too often meanwhile: so many guesses made
    // at the same time are no more than one after the other.
    if (this.lockedOut(client)) return "locked";
    if (!right || source === undefined || password.length > longestPassword) return { pauseMs: this.#failed(client) };
    this.#memory.remember(user, hash, password, this.#ports.clock.now());
    this.#welcome(client);
    return "right";
  }

  /** The hash is read all the same: a login that was taken away, or changed, is void at once. */
  async #isRemembered(user: string, password: string, signal: AbortSignal): Promise<boolean> {
    const source = this.#users.get(user);
    const hash = source === undefined ? undefined : await this.#hashOf(user, source, signal);
    return hash !== undefined && this.#memory.knows(user, hash, password, this.#ports.clock.now());
  }

  #anyone(): readonly [string, PasswordSource] {
    const first = this.#users.entries().next();
    if (first.done === true) throw new TypeError("there are no users");
    return first.value;
  }

  async #hashOf(user: string, source: PasswordSource, signal: AbortSignal): Promise<string | undefined> {
    let detail = "it holds no hash of a password: make one with popgate passwd";
    try {
      const hash = await source.read(signal);
      if (isPasswordHash(hash)) {
        this.#unreadable.delete(user);
        return hash;
      }
    } catch (error) {
      signal.throwIfAborted();
      detail = wordsOf(error);
    }
    if (this.#unreadable.get(user) !== detail) this.#ports.events.emit({ kind: "password-unreadable", user, detail });
    this.#unreadable.set(user, detail);
    return undefined;
  }

  #welcome(client: string): void {
    this.#clients.delete(client);
    this.#trusted.add(client);
    const oldest = this.#trusted.values().next();
    if (this.#trusted.size > mostTrusted && oldest.done !== true) this.#trusted.delete(oldest.value);
  }

  /** Notes a failure; gives the pause before it is answered. */
  #failed(client: string): number {
    const now = this.#ports.clock.now();
    const before = this.#clients.get(client);
    const known = before !== undefined && Math.abs(now - before.lastAt) < forgetMs ? before : undefined;
    const record = known ?? { failures: 0, lastAt: now, lockedAt: 0, lockedUntil: 0, locks: 0 };
    record.failures++;
    record.lastAt = now;
    if (record.failures % failuresToLock === 0) this.#lock(client, record, now);
    // Set anew, to be the youngest.
    this.#clients.delete(client);
    this.#clients.set(client, record);
    const oldest = this.#clients.keys().next();
    if (this.#clients.size > mostClients && oldest.done !== true) this.#clients.delete(oldest.value);
    return Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(record.failures - 1, 10));
  }

  #lock(client: string, record: Record, now: EpochMs): void {
    record.lockedAt = now;
    record.lockedUntil = now + Math.min(longestLockMs, firstLockMs * 2 ** Math.min(record.locks, 10));
    record.locks++;
    this.#ports.events.emit({
      kind: "logins-locked",
      client,
      failures: record.failures,
      until: record.lockedUntil,
    });
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
