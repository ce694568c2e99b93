/**
 * The spool on a store in memory: the real logic of ingest, queue, ledger and maintenance, without a disk. `faults` lets
 * commits fail, or wait, where a spec wants it.
 */
import { Health } from "../../src/spool/health.ts";
import type { SpoolOptions, SpoolPorts } from "../../src/spool/spool-core.ts";
import { defaultSpoolOptions, openOn, type OwnedSpool } from "../../src/spool/spool.ts";
import {
  StoreError,
  tables,
  type Entry,
  type Store,
  type Table,
  type TableStats,
  type Write,
} from "../../src/spool/store.ts";

export interface StoreFaults {
  /** Asked before each commit: an error lets it fail, a promise lets it wait. */
  onCommit?: ((writes: readonly Write[]) => StoreError | Promise<void> | undefined) | undefined;
}

/** A store in memory. It outlives the spool on it, like a disk. */
export class MemoryStore implements Store {
  readonly faults: StoreFaults;
  commits = 0;
  readonly #tables = new Map<Table, Map<string, Buffer>>(tables.map((name) => [name, new Map()]));

  constructor(faults: StoreFaults = {}) {
    this.faults = faults;
  }

  get(table: Table, key: string): Buffer | undefined {
    const value = this.#table(table).get(key);
    return value === undefined ? undefined : Buffer.from(value);
  }

  range(table: Table, from: string, to: string | undefined, limit: number): readonly Entry[] {
    return this.keys(table, from, to, limit).map((key) => ({
      key,
      value: Buffer.from(this.#table(table).get(key) ?? ""),
    }));
  }

  keys(table: Table, from: string, to: string | undefined, limit: number): readonly string[] {
    return [...this.#table(table).keys()]
      .filter((key) => key >= from && (to === undefined || key < to))
      .toSorted()
      .slice(0, limit);
  }

  async commit(writes: readonly Write[]): Promise<void> {
    const fault = this.faults.onCommit?.(writes);
    if (fault instanceof StoreError) throw fault;
    await fault;
    this.commits += 1;
    for (const { table, key, value } of writes) {
      if (value === undefined) this.#table(table).delete(key);
      else this.#table(table).set(key, Buffer.from(value));
    }
  }

  stats(table: Table): TableStats {
    const values = [...this.#table(table).values()];
    return { entries: values.length, octets: values.reduce((sum, { length }) => sum + length, 0) };
  }

  async backup(): Promise<void> {
    throw new StoreError("a store in memory has no files", false);
  }

  async close(): Promise<void> {
    // It stays as it is: the next spool finds what this one has left.
  }

  #table(name: Table): Map<string, Buffer> {
    const table = this.#tables.get(name);
    if (table === undefined) throw new TypeError(`no table ${name}`);
    return table;
  }
}

/** A spool on `store`, a new one unless given. */
export async function openMemorySpool(
  ports: SpoolPorts,
  store: Store = new MemoryStore(),
  options: Partial<SpoolOptions> = {},
): Promise<OwnedSpool> {
  const all: SpoolOptions = {
    ...defaultSpoolOptions,
    dir: "memory",
    maxOctets: 1e12,
    minFreeOctets: 0,
    historyDays: 30,
    ...options,
  };
  return openOn(store, new Health(undefined, all, ports), all, ports);
}
