/**
 * A store with a fault point at each of its calls: counts them, and lets those fail that a spec chooses, as the real store
 * fails (`StoreError` for a commit, `SpoolError` for what is read). Also counts what must not be left over: commits under
 * way when it is closed, and calls after that.
 */
import { SpoolError } from "../../src/spool/port.ts";
import { StoreError, type Entry, type Store, type Table, type TableStats, type Write } from "../../src/spool/store.ts";

export type StoreCall = "get" | "range" | "keys" | "stats" | "commit" | "backup" | "close";

/** What becomes of a call. `full`: it fails for want of room; `breaks`: it throws what no store may throw. */
export type Fault = "works" | "fails" | "full" | "breaks";

/** `number` counts from 1. */
export type FaultPlan = (call: StoreCall, number: number) => Fault;

export const noFaults: FaultPlan = () => "works";

export class FaultyStore implements Store {
  plan: FaultPlan = noFaults;
  calls = 0;
  faults = 0;
  closed = 0;
  lateCalls = 0;
  underWay = 0;
  underWayAtClose = 0;
  readonly #inner: Store;

  constructor(inner: Store) {
    this.#inner = inner;
  }

  get(table: Table, key: string): Buffer | undefined {
    this.#read("get");
    return this.#inner.get(table, key);
  }

  range(table: Table, from: string, to: string | undefined, limit: number): readonly Entry[] {
    this.#read("range");
    return this.#inner.range(table, from, to, limit);
  }

  keys(table: Table, from: string, to: string | undefined, limit: number): readonly string[] {
    this.#read("keys");
    return this.#inner.keys(table, from, to, limit);
  }

  stats(table: Table): TableStats {
    this.#read("stats");
    return this.#inner.stats(table);
  }

  async commit(writes: readonly Write[]): Promise<void> {
    const fault = this.#next("commit");
    this.underWay += 1;
    try {
      // A flush takes its time, also one that fails.
      await new Promise((resolve) => setImmediate(resolve));
      if (fault === "breaks") throw new TypeError("a fault of the library, as planned");
      if (fault === "full") throw new StoreError("No space left on device", true);
      if (fault === "fails") throw new StoreError("Input/output error", false);
      await this.#inner.commit(writes);
    } finally {
      this.underWay -= 1;
    }
  }

  async backup(dir: string): Promise<void> {
    if (this.#next("backup") !== "works") throw new StoreError("Input/output error", false);
    await this.#inner.backup(dir);
  }

  async close(): Promise<void> {
    this.closed += 1;
    this.underWayAtClose += this.underWay;
    if (this.plan("close", this.calls + 1) !== "works") throw new StoreError("Input/output error", false);
    await this.#inner.close();
  }

  #read(call: StoreCall): void {
    const fault = this.#next(call);
    if (fault === "breaks") throw new TypeError("a fault of the library, as planned");
    if (fault !== "works") throw new SpoolError("SPOOL_DAMAGED", "the spool's file is damaged: as planned");
  }

  #next(call: StoreCall): Fault {
    if (this.closed > 0) this.lateCalls += 1;
    this.calls += 1;
    const fault = this.plan(call, this.calls);
    if (fault !== "works") this.faults += 1;
    return fault;
  }
}
