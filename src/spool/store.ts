/**
 * The ordered key-value store beneath the spool: what the spool needs of one, and nothing more. `lmdb-store.ts` is the
 * real one; specs put a fake with faults in its place.
 */

/** The tables. Keys are text, values are octets. Their layout is in `keys.ts`. */
export const tables = [
  "meta",
  "message",
  "chunk",
  "ingest",
  "due",
  "dueout",
  "held",
  "owed",
  "history",
  "ended",
  "trash",
  "mid",
  "seen",
  "ledger",
  "state",
  "setaside",
] as const;

export type Table = (typeof tables)[number];

/** One change of a commit; `undefined` removes. */
export interface Write {
  readonly table: Table;
  readonly key: string;
  readonly value: Buffer | undefined;
}

export interface Entry {
  readonly key: string;
  readonly value: Buffer;
}

export interface TableStats {
  readonly entries: number;
  /** Octets of the pages that the table uses. */
  readonly octets: number;
}

/** A commit that did not happen. `full`: for want of room. */
export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly full: boolean;
  constructor(message: string, full: boolean, options?: ErrorOptions) {
    super(message, options);
    this.full = full;
  }
}

export interface Store {
  /** The committed value. The buffer belongs to the caller. */
  get(table: Table, key: string): Buffer | undefined;
  /** Committed entries from `from` (inclusive) to `to` (exclusive) in order of their keys, at most `limit`. */
  range(table: Table, from: string, to: string | undefined, limit: number): readonly Entry[];
  /** As `range`, without values. */
  keys(table: Table, from: string, to: string | undefined, limit: number): readonly string[];
  /**
   * All of the writes or none, flushed to disk when the promise resolves. The values belong to the store from here on.
   * Commits of one event turn, and those that wait for a running flush, share a transaction and its flush. Rejects with
   * `StoreError`; nothing of it is then visible.
   */
  commit(writes: readonly Write[]): Promise<void>;
  stats(table: Table): TableStats;
  /** A compacted copy of what is committed, into a directory that does not exist yet. */
  backup(dir: string): Promise<void>;
  close(): Promise<void>;
}
