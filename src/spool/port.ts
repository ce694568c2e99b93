/**
 * The spool as the other parts see it. One process owns a spool directory; everything here is for use within it.
 *
 * What each call promises is said at the call. "Durable" means: committed, and flushed to disk by fdatasync, so that
 * neither a crash of the process nor a loss of power undoes it. A call that cannot keep its promise rejects with
 * `SpoolError`; nothing of what it was to do is then visible, now or after a restart.
 */
import type { AccountName, MessageId } from "../core/ids.ts";
import type { EpochMs } from "../core/ports.ts";
import type { Direction, HistoryRecord, MessageDraft, MessageRecord } from "./record.ts";

export type SpoolErrorCode =
  /** Disk, or the configured `max_size`, is full: take nothing new in, go on delivering. */
  | "SPOOL_FULL"
  /** A write or a flush failed: take nothing in and deliver nothing until a probe write succeeds. */
  | "SPOOL_FAILED"
  /** The message to be changed is not (or no longer) in the queue. */
  | "SPOOL_NO_MESSAGE"
  /** Stored octets do not have the digest they were stored with. */
  | "SPOOL_DAMAGED"
  /** The directory belongs to another process, to a newer version, or cannot be used. */
  | "SPOOL_UNUSABLE";

export class SpoolError extends Error {
  override readonly name = "SpoolError";
  readonly code: SpoolErrorCode;
  constructor(code: SpoolErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * What is known of one message in a provider's box. `present`: it was there when last looked. `deleting`: we have asked
 * for its deletion and QUIT has not been confirmed. `gone`: a complete listing no longer had it; kept for a while, since
 * boxes have been seen to bring messages back.
 */
export interface LedgerEntry {
  /** The server's unique id (RFC 1939 §7), or one made by us for servers without UIDL or with duplicates. */
  readonly uidl: string;
  /** Octets by LIST when it was fetched: a hint, never trusted for framing. */
  readonly listSize: number;
  /** SHA-256 (hex) of the octets fetched; empty for one that was never fetched (`initial = "new"`, too large). */
  readonly digest: string;
  readonly contentDigest: string;
  /** Recipients' address keys, sorted and joined by a space: with the content digest it says which copy this is. */
  readonly recipientsKey: string;
  /** Where it went. `undefined` when it was not spooled: skipped, or the duplicate of another copy. */
  readonly messageId: MessageId | undefined;
  readonly fetchedAt: EpochMs;
  readonly state: "present" | "deleting" | "gone";
  /** When the entry took its present state. */
  readonly since: EpochMs;
  /** Why it was left at the provider without being fetched; such an entry is looked at again when limits change. */
  readonly skipped: "initial" | "oversize" | "unfetchable" | undefined;
  /** How often fetching it has failed. */
  readonly failures: number;
}

/** One message on its way in. Disposing an ingest that was not committed leaves nothing behind. */
export interface Ingest extends AsyncDisposable {
  readonly id: MessageId;
  /** Octets written so far. */
  readonly size: number;
  /** SHA-256 (hex) of the octets written so far. */
  digest(): string;
  /**
   * Takes the next octets. Resolves when there is room for more, not when they are durable. The buffer belongs to the
   * spool from here on and must not be changed.
   */
  write(chunk: Buffer): Promise<void>;
  /**
   * Makes the message durable together with its ledger entry, in one transaction that is flushed when the promise
   * resolves.
   */
  commit(draft: MessageDraft, ledger: LedgerDraft | undefined, options?: CommitOptions): Promise<CommitResult>;
}

export interface CommitOptions {
  /**
   * Recipients that have already been given the same content (by `contentDigest`) are dropped first; if none is left,
   * nothing but the ledger entry is stored.
   */
  readonly onceFor?: "content-and-recipient";
  /**
   * Another message that is changed in the same transaction, as by `Queue.update`: the one that this message reports
   * of. Rejects with SPOOL_NO_MESSAGE, and stores nothing, when that is not (or no longer) in the queue.
   */
  readonly settles?: { readonly id: MessageId; readonly change: (record: MessageRecord) => MessageRecord };
}

/** The ledger entry of the message being committed: the spool fills in digest and message id. */
export interface LedgerDraft {
  readonly account: AccountName;
  readonly entry: Omit<LedgerEntry, "digest" | "messageId">;
}

export type CommitResult =
  | { readonly kind: "stored"; readonly record: MessageRecord }
  /** Every recipient had already been given this content; `of` is the message that did it (it may have ended). */
  | { readonly kind: "duplicate"; readonly of: MessageId };

/** The way in. */
export interface Intake {
  /** Begins a message. Rejects at once with SPOOL_FULL or SPOOL_FAILED when it could not be committed anyway. */
  begin(): Ingest;
}

/** What is known of the providers' boxes, and what each account remembers between polls. */
export interface Ledger {
  entries(account: AccountName): Promise<readonly LedgerEntry[]>;
  /** Writes entries as they are given; durable. */
  put(account: AccountName, entries: readonly LedgerEntry[]): Promise<void>;
  /** Forgets entries; durable. */
  forget(account: AccountName, uidls: readonly string[]): Promise<void>;
  /** A value an account keeps across restarts (poll times, drift profile). Whoever reads it must check its form. */
  state(account: AccountName): Promise<unknown>;
  /** Durable. */
  putState(account: AccountName, state: unknown): Promise<void>;
}

/** A message and when it falls, or fell, due. */
export interface DueEntry {
  readonly id: MessageId;
  readonly at: EpochMs;
}

/** The queue, for delivery. */
export interface Queue {
  /** Messages due at or before `now`, the longest due first, at most `limit`; those behind `after` if it is given. */
  due(direction: Direction, now: EpochMs, limit: number, after?: DueEntry): Promise<readonly DueEntry[]>;
  /** When the next message of that direction falls due, `undefined` if none is queued. */
  nextDueAt(direction: Direction): Promise<EpochMs | undefined>;
  load(id: MessageId): Promise<MessageRecord | undefined>;
  /**
   * The stored octets in order, in chunks of at most 256 kB, from `start`. No read transaction is held between chunks.
   * The stream ends with an error of code SPOOL_DAMAGED, before its last chunk, if the digest does not agree.
   */
  body(id: MessageId, start?: number): AsyncIterable<Buffer>;
  /**
   * Replaces the record by what `change` makes of the present one; durable. Changes of one message happen one after the
   * other. An ended record moves to the history, and its body goes.
   * Rejects with SPOOL_NO_MESSAGE when there is no such message in the queue.
   */
  update(id: MessageId, change: (record: MessageRecord) => MessageRecord): Promise<MessageRecord>;
  /**
   * Calls `listener` with the id of each message that was committed or updated, when it is durable: it can be due sooner,
   * be held or have ended.
   */
  onChange(listener: (id: MessageId) => void): Disposable;
}

/** For administrators, notices and `resolve`. Lists are snapshots page by page, never one long read transaction. */
export interface Inspection {
  /** Queued and held messages by id, ascending, after `after`. */
  list(after: MessageId | undefined, limit: number): Promise<readonly MessageRecord[]>;
  /** Messages whose sender is owed a report, by id. */
  owed(after: MessageId | undefined, limit: number): Promise<readonly MessageId[]>;
  /** Messages with anything held, by id. */
  held(after: MessageId | undefined, limit: number): Promise<readonly MessageRecord[]>;
  history(id: MessageId): Promise<HistoryRecord | undefined>;
  /** Ids of messages that ended from `from` on and before `to`, the latest first. */
  ended(from: EpochMs, to: EpochMs): Promise<readonly MessageId[]>;
  /** Messages, queued or ended, whose Message-ID field has this value (with or without angle brackets). Newest first. */
  byMessageIdField(messageId: string): Promise<readonly MessageId[]>;
  counts(): SpoolCounts;
  health(): SpoolHealth;
}

export interface SpoolCounts {
  /** Messages with at least one queued recipient. */
  readonly queued: number;
  /** Of these, the outbound ones. */
  readonly queuedOutbound: number;
  /** Messages that wait for a person, as a whole or in some recipient. */
  readonly held: number;
  /** Octets of stored bodies. */
  readonly octets: number;
}

export type SpoolHealth =
  | { readonly kind: "ok" }
  | { readonly kind: "full"; readonly detail: string }
  | { readonly kind: "failed"; readonly detail: string };

export interface Spool extends Intake, Ledger, Queue, Inspection, AsyncDisposable {}
