/**
 * Checks the logins of the web page, and makes guessing passwords slow.
 *
 * After a few failures an address (of IPv6: a /64) has to wait, each time for longer. After somewhat more of them, from
 * wherever they came, a user name has to wait too: but not for addresses from which this user has logged in before, else
 * anybody could lock out the administrator. Names that do not exist are counted in the same way, so that the answers tell
 * nothing about who exists; and they cost the same time, since a hash is compared for them as well. (Hashes whose
 * parameters differ from each other take different times; `popgate passwd` makes all alike.)
 *
 * One password is compared at a time, and few may wait for that: it costs tens of milliseconds of a processor, tens of
 * megabytes, and one of the few threads that Node also reads files with. Memory is bounded. No password, and no name that
 * does not exist (people type passwords there), gets into an event.
 */
import type { EventSink } from "../core/events.ts";
import { isPasswordHash, type PasswordSource, type PasswordUsers, verifyPassword } from "../core/password-hash.ts";
import type { Clock, EpochMs } from "../core/ports.ts";
import { strangerKey } from "../net/networks.ts";
import { WebFailures } from "./web-failures.ts";

export interface LoginPorts {
  readonly clock: Clock;
  readonly events: EventSink;
  /** As of now: a reload may change them. */
  readonly users: () => PasswordUsers;
}

export interface WebLogin {
  readonly user: string;
  readonly password: string;
  /** Of the client. */
  readonly address: string;
}

export type LoginAnswer =
  | { readonly kind: "right" }
  | { readonly kind: "wrong" }
  | { readonly kind: "wait"; readonly until: EpochMs }
  /** Too many wait already. */
  | { readonly kind: "busy" }
  /** The hash cannot be read. */
  | { readonly kind: "fault" };

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
export const addressRules = { toLock: 5, firstMs: 5 * minuteMs, longestMs: 24 * hourMs, most: 10_000 } as const;
export const userRules = { toLock: 20, firstMs: 5 * minuteMs, longestMs: hourMs, most: 1000 } as const;
/** Pairs of user and address that have logged in since the start. */
const mostTrusted = 1000;
const mostWaiting = 16;
const mostWaitingOfAddress = 4;
/** No password is longer; what is, is wrong. */
const longestPassword = 1024;

/** Nobody's: compared when there is no hash to take for it. Of the usual cost. */
const nobodysHash = `$scrypt$ln=15,r=8,p=1$${"A".repeat(22)}$${"A".repeat(43)}`;

export class WebLoginDesk {
  readonly #ports: LoginPorts;
  readonly #addresses: WebFailures;
  /** Of the users there are: nobody can crowd them out by typing other names. */
  readonly #users: WebFailures;
  readonly #nobodies: WebFailures;
  readonly #trusted = new Set<string>();
  /** What was last told of a user whose hash could not be read, so that it is told once. */
  readonly #unreadable = new Map<string, string>();
  readonly #waiting: string[] = [];
  #last: Promise<void> = Promise.resolve();

  constructor(ports: LoginPorts) {
    this.#ports = ports;
    this.#addresses = new WebFailures(addressRules, ports.clock);
    this.#users = new WebFailures(userRules, ports.clock);
    this.#nobodies = new WebFailures(userRules, ports.clock);
  }

  /** Rejects when the signal is aborted before the answer is known. */
  async check(login: WebLogin, signal: AbortSignal): Promise<LoginAnswer> {
    const client = strangerKey(login.address);
    const waits = this.#waits(login.user, client);
    if (waits !== undefined) return waits;
    const ofClient = this.#waiting.filter((each) => each === client).length;
    if (this.#waiting.length >= mostWaiting || ofClient >= mostWaitingOfAddress) return { kind: "busy" };
    this.#waiting.push(client);
    const before = this.#last;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last = promise;
    try {
      await before;
      signal.throwIfAborted();
      // Others may have failed while this one waited: many guesses at once are no more than one after the other.
      return this.#waits(login.user, client) ?? (await this.#compare(login, client, signal));
    } finally {
      this.#waiting.splice(this.#waiting.indexOf(client), 1);
      resolve();
    }
  }

  #waits(user: string, client: string): LoginAnswer | undefined {
    const ofClient = this.#addresses.waits(client) ?? 0;
    const ofUser = this.#trusted.has(pairOf(user, client)) ? 0 : (this.#failuresOf(user).waits(user) ?? 0);
    const until = Math.max(ofClient, ofUser);
    return until === 0 ? undefined : { kind: "wait", until };
  }

  async #compare({ user, password, address }: WebLogin, client: string, signal: AbortSignal): Promise<LoginAnswer> {
    const users = this.#ports.users();
    const source = users.get(user);
    // An unknown user is compared with somebody's hash all the same, for the time that it takes.
    const [name, standIn] = source === undefined ? (users.entries().next().value ?? []) : [user, source];
    const hash = name === undefined || standIn === undefined ? undefined : await this.#hashOf(name, standIn, signal);
    if (hash === undefined && source !== undefined) return { kind: "fault" };
    const isRight = await verifyPassword(password.slice(0, longestPassword), hash ?? nobodysHash);
    if (!isRight || source === undefined || password.length > longestPassword) {
      this.#failed(user, source !== undefined, client, address);
      return { kind: "wrong" };
    }
    this.#welcome(user, client);
    this.#ports.events.emit({ kind: "web-login", user, client: address });
    return { kind: "right" };
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
      detail = error instanceof Error ? error.message : String(error);
    }
    if (this.#unreadable.get(user) !== detail) this.#ports.events.emit({ kind: "password-unreadable", user, detail });
    this.#unreadable.set(user, detail);
    return undefined;
  }

  #failed(user: string, isKnown: boolean, client: string, address: string): void {
    const { events } = this.#ports;
    events.emit({ kind: "web-login-failed", user: isKnown ? user : undefined, client: address });
    const locked = this.#addresses.add(client);
    if (locked !== undefined) events.emit({ kind: "logins-locked", client, ...locked });
    const guarded = this.#failuresOf(user).add(user);
    if (guarded !== undefined && isKnown) events.emit({ kind: "web-user-guarded", user, ...guarded });
  }

  #welcome(user: string, client: string): void {
    this.#addresses.forget(client);
    const pair = pairOf(user, client);
    // Set anew, to be the youngest.
    this.#trusted.delete(pair);
    this.#trusted.add(pair);
    const oldest = this.#trusted.values().next();
    if (this.#trusted.size > mostTrusted && oldest.done !== true) this.#trusted.delete(oldest.value);
  }

  #failuresOf(user: string): WebFailures {
    return this.#ports.users().has(user) ? this.#users : this.#nobodies;
  }
}

function pairOf(user: string, client: string): string {
  return `${client} ${user}`;
}
