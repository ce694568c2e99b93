/**
 * TLS sessions kept for resumption (RFC 8446 §2.2, RFC 5077): the second poll of a box saves the certificate chain and,
 * with TLS 1.2, a round trip.
 *
 * One instance belongs to one caller and holds few entries. A session is only ever offered to the same host, port and
 * policy that it was made with. A resumed handshake shows no certificate again (node:tls then has none to give): it
 * proves only that this is the server of the full handshake before it. So a session may be kept only when that server
 * had proved itself, must not carry trust from one set of roots or pins over to another, and ends with the certificate
 * it rests on or `maxAgeMs` after the full handshake, however often it is resumed and renewed.
 */
import type { Clock, EpochMs } from "../core/ports.ts";
import type { TlsPolicy } from "./tls-policy.ts";

export interface TlsSessionsOptions {
  readonly clock: Clock;
  /** How many servers are remembered; the longest unused goes first. */
  readonly maxEntries?: number;
  /** How long a session may stand in for a full handshake. Servers' own limits (RFC 8446 §4.6.1: 7 days) come on top. */
  readonly maxAgeMs?: number;
}

/** A session and the time until which it may stand in for a full handshake. */
export interface KeptSession {
  readonly session: Buffer;
  readonly until: EpochMs;
}

const defaultEntries = 32;
const defaultMaxAgeMs = 12 * 60 * 60 * 1000;

/** A bounded store of TLS sessions. `dial` and `upgrade` fill it and draw on it. */
export class TlsSessions {
  readonly #clock: Clock;
  readonly #maxEntries: number;
  readonly #maxAgeMs: number;
  /** In order of use, the longest unused first. */
  readonly #entries = new Map<string, KeptSession>();

  constructor(options: TlsSessionsOptions) {
    this.#clock = options.clock;
    this.#maxEntries = options.maxEntries ?? defaultEntries;
    this.#maxAgeMs = options.maxAgeMs ?? defaultMaxAgeMs;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The session last made with this server under this policy, if it may still be used. */
  find(host: string, port: number, policy: TlsPolicy): KeptSession | undefined {
    const key = sessionKey(host, port, policy);
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    const rest = entry.until - this.#clock.now();
    // Longer than any may last: it was made while the clock was ahead.
    if (rest <= 0 || rest > this.#maxAgeMs) return undefined;
    this.#entries.set(key, entry);
    return entry;
  }

  /** How long sessions may stand in for a full handshake made now with a certificate that ends at `certificateEnds`. */
  untilFor(certificateEnds: EpochMs): EpochMs {
    const now = this.#clock.now();
    const latest = now + this.#maxAgeMs;
    // An expired certificate is in use only by its pin, and then its end says nothing.
    return certificateEnds <= now ? latest : Math.min(latest, certificateEnds);
  }

  /** Keeps a session of a server that has proved itself, in place of an earlier one. */
  keep(host: string, port: number, policy: TlsPolicy, kept: KeptSession): void {
    const key = sessionKey(host, port, policy);
    this.#entries.delete(key);
    this.#entries.set(key, kept);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#maxEntries) break;
      this.#entries.delete(oldest);
    }
  }

  /** Forgets the session: it did not work, or its server no longer proves itself. */
  forget(host: string, port: number, policy: TlsPolicy): void {
    this.#entries.delete(sessionKey(host, port, policy));
  }
}

function sessionKey(host: string, port: number, policy: TlsPolicy): string {
  return JSON.stringify([
    host.toLowerCase(),
    port,
    policy.mode,
    policy.servername,
    policy.minVersion,
    policy.ca,
    policy.fingerprints,
  ]);
}
