/**
 * The store on LMDB.
 *
 * Guarantees: a commit's promise resolves after fdatasync has returned; a commit whose flush failed is rolled back
 * (`overlappingSync: false`; with lmdb's default the data would stay visible and the mail be stored although we said it
 * was not). No write map: on a full disk it ends the process by SIGBUS. No read transaction outlives a call.
 *
 * Fails with `StoreError`. lmdb raises, besides the rejection that we see, further ones that nobody can catch
 * (its issue 368); `store-guard.ts` takes those.
 */
import { chmodSync, closeSync, mkdirSync, openSync, renameSync, rmSync, statSync, truncateSync } from "node:fs";
import path from "node:path";
import { open, type Database, type RootDatabase, type RootDatabaseOptionsWithPath } from "lmdb";
import { messageOf } from "../core/thrown.ts";
import { toStoreError } from "./lmdb-failure.ts";
import { dataFile, unfinishedFolder } from "./page-layout.ts";
import { PageFile } from "./pages.ts";
import { SpoolError } from "./port.ts";
import { settle, settleDirectory } from "./settle-path.ts";
import { tables, type Entry, type Store, type Table, type TableStats, type Write } from "./store.ts";

type Binary = Database<Buffer, string>;

export interface LmdbOptions {
  readonly dir: string;
  /** For looking into a spool that must not be changed. */
  readonly readOnly?: boolean;
  /** Only for proving that the check of the flush can fail: commits are then not flushed at all. Never in the program. */
  readonly unsafeNoSync?: boolean;
}

/** LMDB's table of readers, beside its data. */
const lockFile = "lock.mdb";

/** lmdb's own limit is 1,978 octets for pages of 4 kB; its encoding of text adds a few. */
const maxKeyOctets = 1900;

export function openLmdbStore(options: LmdbOptions): Store {
  const readOnly = options.readOnly === true;
  // An empty file was made by a process that died before it wrote anything.
  const fresh = (statSync(path.join(options.dir, dataFile), { throwIfNoEntry: false })?.size ?? 0) === 0;
  refuseUnopenable(options.dir, readOnly);
  if (!fresh && (readOnly || !startedAnew(options.dir))) refuseDamaged(options.dir);
  // `permissionsMode` is not in lmdb's types; without it its files would be readable by everyone.
  const settings: RootDatabaseOptionsWithPath & { readonly permissionsMode: number } = {
    path: options.dir,
    noSubdir: false,
    encoding: "binary",
    maxDbs: tables.length + 4,
    overlappingSync: false,
    permissionsMode: 0o600,
    readOnly,
    ...(options.unsafeNoSync === true ? { noSync: true } : {}),
  };
  const { root, databases } = openEnvironment(settings);
  if (options.readOnly !== true) settleNames(options.dir, databases);
  return new LmdbStore(root, databases);
}

/**
 * lmdb does not report files that it may not open (a person ran popgate as another user once): it ends the process by a
 * segmentation fault. Nobody else in this process has them open: closing them would release what LMDB has locked.
 */
function refuseUnopenable(dir: string, readOnly: boolean): void {
  try {
    if (!readOnly) mkdirSync(dir, { recursive: true, mode: 0o700 });
    closeSync(openSync(path.join(dir, dataFile), readOnly ? "r" : "a+", 0o600));
    closeSync(openSync(path.join(dir, lockFile), "a+", 0o600));
  } catch (error) {
    throw new SpoolError("SPOOL_UNUSABLE", `the spool ${dir} cannot be opened: ${messageOf(error)}`, { cause: error });
  }
}

/** Nor does it report a file whose first pages are damaged. */
function refuseDamaged(dir: string): void {
  const faults: string[] = [];
  using file = new PageFile(path.join(dir, dataFile));
  file.check("roots", (detail) => faults.push(detail));
  if (faults.length > 0)
    throw new SpoolError(
      "SPOOL_UNUSABLE",
      `the spool ${dir} is damaged (${faults.join("; ")}): move it away, extract its mail with popgate rescue`,
    );
}

/** LMDB makes its file in place: a loss of power can leave a beginning that it does not take for one. */
function startedAnew(dir: string): boolean {
  const name = path.join(dir, dataFile);
  using file = new PageFile(name);
  if (!file.isUnfinished) return false;
  truncateSync(name);
  return true;
}

function openEnvironment(settings: RootDatabaseOptionsWithPath): {
  readonly root: RootDatabase<Buffer, string>;
  readonly databases: ReadonlyMap<Table, Binary>;
} {
  try {
    const root = open<Buffer, string>(settings);
    const databases = new Map<Table, Binary>();
    for (const name of tables) {
      // Not there: a process died while it made its spool, and nothing may be made now. lmdb's types do not say so.
      const database: Binary | undefined = root.openDB<Buffer, string>({ name, encoding: "binary" });
      if (database !== undefined) databases.set(name, database);
    }
    return { root, databases };
  } catch (error) {
    const text = messageOf(error);
    throw new SpoolError("SPOOL_UNUSABLE", `the spool ${settings.path ?? ""} cannot be opened: ${text}`, {
      cause: error,
    });
  }
}

/**
 * LMDB does not flush the directory entries of new files. The start that made them may have been killed before it came to
 * that: until something has been stored, nobody knows.
 */
function settleNames(dir: string, databases: ReadonlyMap<Table, Binary>): void {
  const stored = databases.get("meta")?.getKeysCount({ limit: 1 }) ?? 0;
  if (stored === 0) settleDirectory(dir);
  else settle(dir);
}

class LmdbStore implements Store {
  readonly #root: RootDatabase<Buffer, string>;
  readonly #databases: ReadonlyMap<Table, Binary>;
  #closed = false;

  constructor(root: RootDatabase<Buffer, string>, databases: ReadonlyMap<Table, Binary>) {
    this.#root = root;
    this.#databases = databases;
  }

  get(table: Table, key: string): Buffer | undefined {
    return reading(() => this.#table(table)?.getBinary(key));
  }

  range(table: Table, from: string, to: string | undefined, limit: number): readonly Entry[] {
    // The iterator is read to its end within this turn: no snapshot outlives the call.
    return reading(() =>
      [...(this.#table(table)?.getRange(rangeOf(from, to, limit)) ?? [])].map(({ key, value }) => ({ key, value })),
    );
  }

  keys(table: Table, from: string, to: string | undefined, limit: number): readonly string[] {
    return reading(() => [...(this.#table(table)?.getKeys(rangeOf(from, to, limit)) ?? [])]);
  }

  async commit(writes: readonly Write[]): Promise<void> {
    // A key that lmdb refuses must not leave half of the writes behind.
    for (const { key } of writes) {
      if (key === "" || Buffer.byteLength(key) > maxKeyOctets) throw new TypeError(`not a key: ${key.slice(0, 100)}`);
    }
    // All writes of one event turn are one transaction: there must be no await between them.
    const done = writes.map(({ table, key, value }) => {
      const database = this.#table(table);
      if (database === undefined) throw new TypeError(`no table ${table}`);
      return value === undefined ? database.remove(key) : database.put(key, value);
    });
    const results = await Promise.allSettled(done);
    const failed = results.find((result) => result.status === "rejected");
    if (failed !== undefined) throw await toStoreError(failed.reason);
  }

  stats(table: Table): TableStats {
    const stats = numbersOf(reading((): unknown => this.#table(table)?.getStats()));
    const pages = stats("treeBranchPageCount") + stats("treeLeafPageCount") + stats("overflowPages");
    return { entries: stats("entryCount"), octets: pages * stats("pageSize") };
  }

  async backup(dir: string): Promise<void> {
    this.#mustBeOpen();
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const file = path.join(dir, dataFile);
    if (exists(file)) throw new SpoolError("SPOOL_UNUSABLE", `there is a spool in ${dir} already`);
    // Elsewhere until all of it is on the disk: half a copy must not look like one. LMDB adds the file's name itself.
    const unfinished = path.join(dir, unfinishedFolder);
    rmSync(unfinished, { recursive: true, force: true });
    mkdirSync(unfinished, { mode: 0o700 });
    const copy = path.join(unfinished, dataFile);
    try {
      await this.#root.backup(unfinished, true);
      chmodSync(copy, 0o600);
      settle(copy);
      renameSync(copy, file);
    } finally {
      // Half a copy must not take the room that was lacking for the other half.
      rmSync(unfinished, { recursive: true, force: true });
    }
    settleDirectory(dir);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#root.close();
  }

  /** `undefined`: there is no such table, in a store that may only be read. */
  #table(name: Table): Binary | undefined {
    this.#mustBeOpen();
    return this.#databases.get(name);
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new SpoolError("SPOOL_UNUSABLE", "the spool is closed");
  }
}

function rangeOf(
  start: string,
  end: string | undefined,
  limit: number,
): { start: string; end?: string; limit: number } {
  return end === undefined ? { start, limit } : { start, end, limit };
}

/** What LMDB says of pages that do not fit together is damage to us. */
function reading<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof SpoolError) throw error;
    const text = messageOf(error);
    throw new SpoolError(
      "SPOOL_DAMAGED",
      `the spool's file is damaged: ${text}; stop popgate and check it with verify`,
      {
        cause: error,
      },
    );
  }
}

/** lmdb gives its statistics untyped. */
function numbersOf(stats: unknown): (name: string) => number {
  const values = new Map<string, unknown>(typeof stats === "object" && stats !== null ? Object.entries(stats) : []);
  return (name) => {
    const value = values.get(name);
    return typeof value === "number" ? value : 0;
  };
}

function exists(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false }) !== undefined;
}
