/**
 * Who is logged in at the web page. A session lives in memory: a restart ends all of them.
 *
 * Guarantees: a token holds 256 random bits and is never stored, only its SHA-256; a session ends `idleMs` after its last
 * request, `absoluteMs` after the login, at logout, and when the user's newer ones crowd it out. Memory is bounded: a user
 * has at most `mostOfUser` sessions, and only configured users get any.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { Clock, EpochMs } from "../core/ports.ts";

export const idleMs = 30 * 60_000;
export const absoluteMs = 12 * 3_600_000;
/** Browsers and telephones of one person. */
export const mostOfUser = 10;

const tokenOctets = 32;
const tokenPattern = /^[A-Za-z0-9_-]{43}$/u;

export interface Session {
  readonly user: string;
  /** What writes must show beside the cookie. */
  readonly csrf: string;
  readonly since: EpochMs;
}

interface Kept {
  readonly session: Session;
  lastAt: EpochMs;
  readonly over: AbortController;
}

export class WebSessions {
  readonly #clock: Clock;
  readonly #kept = new Map<string, Kept>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A new one, with a token that has never been seen before. */
  open(user: string): { readonly token: string; readonly session: Session } {
    this.#makeRoom(user);
    const token = randomBytes(tokenOctets).toString("base64url");
    const now = this.#clock.now();
    const session = { user, csrf: randomBytes(tokenOctets).toString("base64url"), since: now };
    this.#kept.set(keyOf(token), { session, lastAt: now, over: new AbortController() });
    return { token, session };
  }

  /** The session of this token, which counts as used now; none when it is unknown or over. */
  use(token: string): Session | undefined {
    if (!tokenPattern.test(token)) return undefined;
    const key = keyOf(token);
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    if (this.#restOf(kept) <= 0) {
      this.#end(key, kept);
      return undefined;
    }
    kept.lastAt = this.#clock.now();
    return kept.session;
  }

  end(token: string): void {
    const key = keyOf(token);
    const kept = this.#kept.get(key);
    if (kept !== undefined) this.#end(key, kept);
  }

  /** Resolves when the session of this token is over, or the signal is aborted. Never rejects. */
  async over(token: string, signal: AbortSignal): Promise<void> {
    const kept = this.#kept.get(keyOf(token));
    if (kept === undefined) return;
    const either = AbortSignal.any([signal, kept.over.signal]);
    while (!either.aborted) {
      const rest = this.#restOf(kept);
      if (rest <= 0) return;
      await this.#clock.sleep(rest, either).catch(() => undefined);
    }
  }

  /** A clock that has jumped back by more than a session may be idle ends it too. */
  #restOf({ session, lastAt }: Kept): number {
    const now = this.#clock.now();
    return Math.min(idleMs - Math.abs(now - lastAt), session.since + absoluteMs - now);
  }

  #makeRoom(user: string): void {
    const mine: (readonly [string, Kept])[] = [];
    for (const [key, kept] of this.#kept)
      if (this.#restOf(kept) <= 0) this.#end(key, kept);
      else if (kept.session.user === user) mine.push([key, kept]);
    const crowdedOut = mine.toSorted(([, a], [, b]) => b.lastAt - a.lastAt).slice(mostOfUser - 1);
    for (const [key, kept] of crowdedOut) this.#end(key, kept);
  }

  #end(key: string, kept: Kept): void {
    this.#kept.delete(key);
    kept.over.abort();
  }
}

/** Whether a write shows the session's own word. */
export function isCsrfOf({ csrf }: Session, given: string | string[] | undefined): boolean {
  if (typeof given !== "string") return false;
  const [wanted, found] = [Buffer.from(csrf), Buffer.from(given)];
  return wanted.length === found.length && timingSafeEqual(wanted, found);
}

/** A look-up by hash tells nothing of a token by the time it takes. */
function keyOf(token: string): string {
  return createHash("sha256").update(token).digest("base64url");
}
