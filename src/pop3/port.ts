/**
 * A POP3 box as the collector sees it (RFC 1939). One session at a time; calls may overlap, and are then pipelined when
 * the server allows it (RFC 2449 §6.6): replies come in the order of the calls.
 */

/**
 * Why a session or a command failed, by what the collector must do about it.
 *
 * - `auth`: the server refused these credentials. Back off far and tell a person; trying on locks accounts.
 * - `in-use`: another session holds the box (RFC 2449 §8.1.2). Try again soon.
 * - `login-delay`: too soon after the last login. Wait `retryAfterMs`, or the known delay.
 * - `temporary`: SYS/TEMP, "try later", or a server in trouble. Back off.
 * - `permanent`: SYS/PERM, or a configuration that cannot work with this server (no STLS, no usable mechanism, no UIDL
 *   where it is needed). Tell a person.
 * - `tls`: the certificate or the handshake. Tell a person; never fall back.
 * - `connection`: DNS, TCP, time-out, or a connection that ended in mid-session.
 * - `protocol`: what the server sent cannot be POP3, or exceeds a limit. The session is over.
 * - `aborted`: our own signal.
 */
export type Pop3ErrorKind =
  | "auth"
  | "in-use"
  | "login-delay"
  | "temporary"
  | "permanent"
  | "tls"
  | "connection"
  | "protocol"
  | "aborted";

/** The end of a session. What a caller can go on after is returned as a value instead. */
export class Pop3Error extends Error {
  override readonly name = "Pop3Error";
  readonly kind: Pop3ErrorKind;
  /** The server's own words, if it said any: one line, without control characters. */
  readonly reply: string | undefined;
  /** Milliseconds the server asks us to stay away, where it said so. */
  readonly retryAfterMs: number | undefined;
  constructor(
    kind: Pop3ErrorKind,
    message: string,
    options: ErrorOptions & { reply?: string | undefined; retryAfterMs?: number | undefined } = {},
  ) {
    super(message, options);
    this.kind = kind;
    this.reply = options.reply;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** What CAPA said (RFC 2449), before or after login, merged. */
export interface Capabilities {
  /** False when the server knows no CAPA: everything below is then what can be assumed. */
  readonly announced: boolean;
  readonly uidl: boolean;
  readonly top: boolean;
  readonly pipelining: boolean;
  readonly stls: boolean;
  readonly utf8: boolean;
  readonly sasl: readonly string[];
  /** Minimum seconds between logins; `undefined` when not said. */
  readonly loginDelaySeconds: number | undefined;
  /** How long the server keeps mail. */
  readonly expire: { readonly kind: "never" } | { readonly kind: "days"; readonly days: number } | undefined;
  readonly implementation: string | undefined;
}

/** One line of the listing. Numbers hold for this session only. */
export interface ListedMessage {
  readonly number: number;
  /** Octets as LIST says: a hint. `undefined` when the server gave none that can be read. */
  readonly size: number | undefined;
  /** `undefined` when the server has no UIDL or left this message out of it. */
  readonly uidl: string | undefined;
}

export interface Listing {
  readonly messages: readonly ListedMessage[];
  /** The server answered UIDL at all. */
  readonly hasUidl: boolean;
}

export type Retrieval =
  /**
   * The message, dot-unstuffed, otherwise as the server sent it. It must be read to its end (or the session disposed)
   * before any later reply is seen. Iterating throws `Pop3Error` when the connection ends or a limit is met in mid-message;
   * what was read so far is then not a message.
   */
  | { readonly kind: "message"; readonly body: AsyncIterable<Buffer> }
  /** The server will not hand it over. Gone: it was in the listing but is no longer there. */
  | { readonly kind: "refused"; readonly reply: string; readonly temporary: boolean };

export interface Pop3Box extends AsyncDisposable {
  readonly capabilities: Capabilities;
  /** How many commands may be outstanding: 1 without PIPELINING. Those who ask for messages mind their sizes as well. */
  readonly window: number;
  /** STAT, UIDL and LIST as far as needed: an empty box costs as little as the protocol allows. */
  list(): Promise<Listing>;
  /** The header block and `lines` lines of the body (RFC 1939 §7), at most `maxOctets`; `undefined` where the server can't. */
  top(number: number, lines: number, maxOctets: number): Promise<Buffer | undefined>;
  /** Resolves when the first line of the reply is there. */
  retrieve(number: number): Promise<Retrieval>;
  /** Marks for deletion. False when the server refused. Nothing is deleted before `quit` has been confirmed. */
  delete(number: number): Promise<boolean>;
  /** NOOP: keeps the session alive during a long pause. */
  noop(): Promise<void>;
  /** RSET: takes back every mark of this session. */
  reset(): Promise<void>;
  /** Ends the session and lets the server delete. `confirmed` is false when it did not say +OK: deletions are then unknown. */
  quit(): Promise<{ readonly confirmed: boolean; readonly reply: string }>;
}

export interface Pop3Connect {
  /**
   * Connects, secures, and logs in. Rejects with `Pop3Error`. `known` are the capabilities seen last time, which save
   * asking again; they are a hint and never weaken security.
   */
  (signal: AbortSignal, known: Capabilities | undefined): Promise<Pop3Box>;
}
