/** What a POP3 client must be told, and the ports through which it reaches the world. */
import type { Clock } from "../core/ports.ts";
import type { TlsPolicy } from "../net/tls-policy.ts";
import type { TlsSessions } from "../net/tls-sessions.ts";
import type { SaslCredentials } from "../sasl/choose.ts";

export interface Pop3Limits {
  /** Longest status line. RFC 2449 §4 says 512; challenges of SASL are longer. */
  readonly lineOctets: number;
  /** CAPA, LIST and UIDL, each as a whole: about 80 octets for each message of a box. */
  readonly listingOctets: number;
  /** A message longer than this ends the session. The bound against a server that never stops; not the account's own limit. */
  readonly messageOctets: number;
  /** The most that `top` returns. */
  readonly headOctets: number;
}

export interface Pop3Timeouts {
  /** DNS, TCP and TLS together. */
  readonly connectMs: number;
  readonly greetingMs: number;
  /** For the first line of a reply. RFC 1939 §3 lets servers close after 10 minutes, and says nothing of their slowness. */
  readonly commandMs: number;
  /** How long a reply that has begun may stand still. */
  readonly dataMs: number;
}

export interface Pop3Options {
  readonly host: string;
  readonly port: number;
  /** `opportunistic` is taken as `starttls`: nothing secret goes over a connection that was meant to be secured and is not. */
  readonly tls: TlsPolicy;
  readonly credentials: SaslCredentials;
  /**
   * `auto`, `user`, `apop`, or the name of a SASL mechanism, in any case. `auto` over TLS sends the password itself to the
   * server that has proved itself, which costs one round trip; without TLS it takes the strongest that does not show it.
   */
  readonly auth: string;
  readonly limits: Pop3Limits;
  readonly timeouts: Pop3Timeouts;
  /** False: one command at a time, whatever CAPA says. */
  readonly pipelining: boolean;
  /** A box with messages and without UIDL is then an error (`permanent`). */
  readonly needUidl: boolean;
  /** UTF8 (RFC 6856) where offered: messages may then come with raw UTF-8 in header fields. */
  readonly utf8: boolean;
}

export interface Pop3Ports {
  readonly clock: Clock;
  /** For nonces: node:crypto's. */
  readonly randomBytes: (octets: number) => Buffer;
  /** Where TLS sessions are kept from one poll to the next. */
  readonly sessions?: TlsSessions | undefined;
}

export const defaultLimits: Pop3Limits = {
  lineOctets: 16_384,
  listingOctets: 32 * 1024 * 1024,
  messageOctets: 4 * 1024 * 1024 * 1024,
  headOctets: 1024 * 1024,
};

export const defaultTimeouts: Pop3Timeouts = {
  connectMs: 30_000,
  greetingMs: 60_000,
  commandMs: 120_000,
  dataMs: 120_000,
};

/**
 * What one account has learnt of its server since the program started. It saves the same bad experience at each poll, and
 * is lost without harm.
 */
export interface ServerMemory {
  /** `suspect`: the connection ended at CAPA once, which may have been chance. `never`: it did so again. */
  capa: "ask" | "suspect" | "never";
  /** Commands sent along with PASS are answered. */
  eager: boolean;
  /** The stamp in the greeting means APOP. */
  apop: boolean;
  /**
   * How the server took the last login: `good`, or it hung up since. Where it has taken these credentials before, one
   * hang-up is more likely the line's fault than theirs.
   */
  login: "untried" | "good" | "hung-up";
}
