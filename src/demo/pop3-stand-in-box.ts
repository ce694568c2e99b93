/**
 * The maildrops of the stand-in provider: messages with stable unique ids, deletions that take effect at QUIT only, and
 * the faults that real providers show, as knobs that may be turned at any time.
 */
import { createHash } from "node:crypto";

/** One message at the provider. `raw` is what a client gets, before dot-stuffing. */
export interface StoredMessage {
  readonly uidl: string;
  readonly raw: Buffer;
}

/** What is wrong with the provider. Read at each use, so a running session feels a change. */
export interface StandInFaults {
  /** Ends the connection once a session has sent this many octets of replies. */
  dropAfterOctets?: number | undefined;
  /** Ends the connection at QUIT, without a reply and without deleting. */
  dropAtQuit?: boolean | undefined;
  /** Deletes at QUIT, and ends the connection without the reply. */
  dropAfterQuit?: boolean | undefined;
  /** Answers QUIT with -ERR and deletes nothing (RFC 1939 §6 allows it). */
  refuseQuit?: boolean | undefined;
  /** Says +OK to QUIT, and everything is back in the next session. */
  rollBackDeletions?: boolean | undefined;
  /** The text of a refusal for a message that shall not be handed out. */
  refuseRetrieve?: ((message: { readonly number: number; readonly uidl: string }) => string | undefined) | undefined;
  /** What LIST, STAT and RETR say instead of the true size. */
  wrongSize?: ((size: number) => number) | undefined;
  noUidl?: boolean | undefined;
  noCapa?: boolean | undefined;
  noTop?: boolean | undefined;
  /** Lists messages in the order in which a disk might, instead of that of arrival. */
  shuffle?: boolean | undefined;
  /** Answers every login so, e.g. `-ERR [SYS/TEMP] try later`. */
  refuseLogin?: string | undefined;
}

/** The maildrop of one user. */
export class StandInBox {
  readonly #user: string;
  #messages: StoredMessage[] = [];
  #next = 1;
  #generation = 1;
  /** A session is open: RFC 1939 §4 wants an exclusive lock. */
  locked = false;
  lastLoginAt: number | undefined;

  constructor(user: string, messages: readonly Buffer[]) {
    this.#user = user;
    for (const raw of messages) this.add(raw);
  }

  /** Puts a message in; returns its unique id. */
  add(raw: Buffer, uidl: string = this.#makeUidl()): string {
    this.#messages.push({ uidl, raw });
    return uidl;
  }

  /** What is in the box now, in order of arrival. */
  list(): readonly StoredMessage[] {
    return [...this.#messages];
  }

  remove(uidls: ReadonlySet<string>): void {
    this.#messages = this.#messages.filter((message) => !uidls.has(message.uidl));
  }

  /** Every message gets another unique id, as after the move to a new server. */
  changeUidls(): void {
    this.#generation += 1;
    this.#messages = this.#messages.map(({ raw }) => ({ uidl: this.#makeUidl(), raw }));
  }

  /** The messages as a session sees them. */
  snapshot(shuffle: boolean): readonly StoredMessage[] {
    if (!shuffle) return this.list();
    return this.list().toSorted((a, b) => Buffer.compare(digest(a.uidl), digest(b.uidl)));
  }

  #makeUidl(): string {
    const serial = String(this.#next++).padStart(6, "0");
    return `${digest(`${this.#user}/${this.#generation}`).toString("hex").slice(0, 10)}.${serial}`;
  }
}

const stuffed = new WeakMap<Buffer, Buffer>();

/** The message as RETR sends it after the status line: dot-stuffed, with the terminating line (RFC 1939 §3). */
export function stuff(raw: Buffer): Buffer {
  const known = stuffed.get(raw);
  if (known !== undefined) return known;
  const parts: Buffer[] = [];
  const dot = Buffer.from(".");
  let from = 0;
  if (raw[0] === 0x2e) parts.push(dot);
  for (let at = raw.indexOf("\n."); at >= 0; at = raw.indexOf("\n.", at + 1)) {
    parts.push(raw.subarray(from, at + 1), dot);
    from = at + 1;
  }
  parts.push(raw.subarray(from));
  parts.push(Buffer.from(raw.length === 0 || raw.at(-1) === 0x0a ? ".\r\n" : "\r\n.\r\n"));
  const result = Buffer.concat(parts);
  stuffed.set(raw, result);
  return result;
}

/** The header block, the empty line and `lines` lines of the body (RFC 1939 §7). */
export function top(raw: Buffer, lines: number): Buffer {
  let at = 0;
  let inBody = false;
  for (let left = lines; at < raw.length && (!inBody || left > 0);) {
    const end = raw.indexOf("\n", at);
    const next = end < 0 ? raw.length : end + 1;
    if (inBody) left -= 1;
    else if (raw.toString("latin1", at, next).trim() === "") inBody = true;
    at = next;
  }
  return raw.subarray(0, at);
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
