/**
 * Accounts for every message of a spool: each one that was taken is still open, or has ended for each recipient in exactly
 * one way. Looks at queue, history, the ledger of the providers' boxes and all indexes; changes nothing.
 *
 * Works on a running spool: what belongs together is read within one turn, so that no change can come between, and
 * others have their turn after each page. Queue ids are noted first and looked up last: a message that ends meanwhile is
 * counted once. When mail came in while it was looked at, it is looked at again, and in the end said (`steady`).
 *
 * A message that the history has forgotten by its age cannot be accounted for any more: such ones are counted.
 * Bodies are not read: `verify.ts` does that.
 */
import { statSync } from "node:fs";
import path from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { EpochMs } from "../core/ports.ts";
import { AuditTally, type AuditReport } from "./audit-tally.ts";
import { decodeHistory, decodeLedger, decodeMessage, type Decoded } from "./codec.ts";
import { after, splitTimeKey, timeKey } from "./keys.ts";
import { openLmdbStore } from "./lmdb-store.ts";
import { lockSpool } from "./lock.ts";
import { unheard, type OnProgress } from "./long-work.ts";
import { dataFile } from "./page-layout.ts";
import { SpoolError } from "./port.ts";
import { nextDue, type MessageRecord } from "./record.ts";
import { mustBeReadable } from "./schema.ts";
import type { Entry, Store, Table } from "./store.ts";
import { dueTable, isHeld, isOwed } from "./writes.ts";

/** Records of one turn. */
const page = 100;
const rounds = 3;

/**
 * Of a spool that no daemon uses. Rejects with SPOOL_UNUSABLE when there is none, or when it is in use. `onRemark` is told
 * when it has an older schema version.
 */
export async function auditSpool(
  dir: string,
  signal: AbortSignal,
  onRemark: (remark: string) => void = () => undefined,
  onProgress: OnProgress = unheard,
): Promise<AuditReport> {
  if ((statSync(path.join(dir, dataFile), { throwIfNoEntry: false })?.size ?? 0) === 0)
    throw new SpoolError("SPOOL_UNUSABLE", `there is no spool in ${dir}`);
  using _lock = lockSpool(dir);
  const store = openLmdbStore({ dir, readOnly: true });
  try {
    const remark = mustBeReadable(store, dir);
    if (remark !== undefined) onRemark(remark);
    return await auditStore(store, signal, onProgress);
  } finally {
    await store.close();
  }
}

/** Rejects with the signal's reason when it is aborted. */
export async function auditStore(store: Store, signal: AbortSignal, onProgress = unheard): Promise<AuditReport> {
  for (let round = 1; ; round++) {
    const before = markOf(store);
    const tally = new AuditTally();
    await new Audit(store, tally, signal, onProgress).run();
    const after = markOf(store);
    const steady = before.oldest === after.oldest && before.messages === after.messages;
    if (steady || round === rounds) return tally.finish(steady ? after.messages : undefined);
  }
}

/** Changes when a message comes in or is forgotten. */
function markOf(store: Store): { readonly messages: number; readonly oldest: string | undefined } {
  return {
    messages: store.stats("message").entries + store.stats("history").entries,
    oldest: store.keys("ended", "", undefined, 1)[0],
  };
}

class Audit {
  readonly #store: Store;
  readonly #tally: AuditTally;
  readonly #signal: AbortSignal;
  readonly #onProgress: OnProgress;

  constructor(store: Store, tally: AuditTally, signal: AbortSignal, onProgress: OnProgress) {
    this.#onProgress = onProgress;
    this.#store = store;
    this.#tally = tally;
    this.#signal = signal;
  }

  async run(): Promise<void> {
    const open = new Set<string>();
    await this.#each("message", ({ key, value }) => {
      open.add(key);
      this.#lookAtIndexes(key, value);
    });
    await this.#each("history", ({ key, value }) => {
      open.delete(key);
      this.#ended(key, value);
    });
    let number = 0;
    for (const id of open) {
      this.#open(id);
      if (++number % page === 0) await this.#pause();
    }
    await this.#indexes();
    await this.#ledger();
  }

  /** A message that was in the queue, and has ended in the meantime if it is there no more. */
  #open(id: string): void {
    const octets = this.#store.get("message", id);
    const record = octets === undefined ? undefined : decodeMessage(octets);
    if (record?.kind === "ok") return this.#tally.open(record.value);
    // That it cannot be read has been said.
    if (record !== undefined) return;
    const ended = this.#store.get("history", id);
    if (ended === undefined) this.#tally.wrong(id, "it has left the queue, and the history does not know it");
    else this.#ended(id, ended);
  }

  #ended(id: string, value: Buffer): void {
    const record = this.#decoded(id, decodeHistory(value), "history");
    if (this.#store.get("message", id) !== undefined)
      this.#tally.wrong(id, "it is in the history, and in the queue as well");
    if (record === undefined) return;
    this.#tally.ended(record);
    if (this.#store.get("ended", timeKey(record.endedAt, record.id)) === undefined)
      this.#tally.wrong(id, "the index of what has ended does not have it");
  }

  #lookAtIndexes(id: string, value: Buffer): void {
    const record = this.#decoded(id, decodeMessage(value), "queue");
    if (record === undefined) return;
    const due = nextDue(record);
    if (due !== undefined && this.#store.get(dueTable(record.direction), timeKey(due, record.id)) === undefined)
      this.#tally.wrong(id, "it is due, and the index of what is due does not have it");
    if (isHeld(record) && this.#store.get("held", id) === undefined)
      this.#tally.wrong(id, "it is held, and the index of what is held does not have it");
    if (isOwed(record) && this.#store.get("owed", id) === undefined)
      this.#tally.wrong(id, "a report is owed, and the index of what is owed does not have it");
  }

  /** What an index names must be there, and be so. */
  async #indexes(): Promise<void> {
    for (const table of ["due", "dueout"] as const)
      await this.#each(table, ({ key }) => {
        const { id, time } = splitTimeKey(key);
        const record = this.#record(id);
        if (record === undefined || nextDue(record) !== time || dueTable(record.direction) !== table)
          this.#tally.wrong(id, `the index ${table} has it, and it is not due then`);
      });
    await this.#each("held", ({ key }) => {
      const record = this.#record(key);
      if (record === undefined || !isHeld(record)) this.#tally.wrong(key, "the index held has it, and it is not held");
    });
    await this.#each("owed", ({ key }) => {
      const record = this.#record(key);
      if (record === undefined || !isOwed(record)) this.#tally.wrong(key, "the index owed has it, and nothing is owed");
    });
    await this.#each("ended", ({ key }) => {
      const { id } = splitTimeKey(key);
      if (!this.#isKnown(id)) this.#tally.wrong(id, "the index of what has ended has it, and the history does not");
    });
    await this.#each("mid", ({ key }) => {
      const id = key.slice(key.indexOf("/") + 1);
      if (!this.#isKnown(id)) this.#tally.wrong(id, "it was taken, and neither queue nor history has it");
    });
  }

  /**
   * What the ledger says was taken must be there, with that digest, unless the history reaches back less far: the oldest
   * go first, so whatever came in after the oldest end that is remembered must be remembered as well.
   */
  async #ledger(): Promise<void> {
    const [oldest] = this.#store.keys("ended", "", undefined, 1);
    const remembered: EpochMs = oldest === undefined ? Infinity : splitTimeKey(oldest).time;
    await this.#each("ledger", ({ value }) => {
      const entry = decodeLedger(value);
      if (entry.kind === "bad" || entry.value.messageId === undefined) return;
      const { messageId: id, digest, contentDigest, fetchedAt, uidl } = entry.value;
      const record = this.#record(id) ?? this.#history(id);
      if (record === undefined && this.#isKnown(id)) return;
      if (record === undefined && fetchedAt < remembered) this.#tally.forgotten += 1;
      else if (record === undefined)
        this.#tally.wrong(id, `it was taken as ${uidl}, and neither queue nor history has it`);
      else if (record.digest !== digest && record.contentDigest !== contentDigest)
        this.#tally.wrong(id, `it has another digest than what was taken as ${uidl}`);
    });
  }

  #record(id: string): MessageRecord | undefined {
    const octets = this.#store.get("message", id);
    const decoded = octets === undefined ? undefined : decodeMessage(octets);
    return decoded?.kind === "ok" ? decoded.value : undefined;
  }

  #history(id: string): MessageRecord | undefined {
    const octets = this.#store.get("history", id);
    const decoded = octets === undefined ? undefined : decodeHistory(octets);
    return decoded?.kind === "ok" ? decoded.value : undefined;
  }

  /** Set aside counts: it is kept for a person, and has been told. */
  #isKnown(id: string): boolean {
    return (
      this.#store.get("message", id) !== undefined ||
      this.#store.get("history", id) !== undefined ||
      this.#store.get("setaside", `message/${id}`) !== undefined ||
      this.#store.get("setaside", `history/${id}`) !== undefined
    );
  }

  #decoded<T extends MessageRecord>(id: string, decoded: Decoded<T>, where: string): T | undefined {
    if (decoded.kind === "bad") this.#tally.wrong(id, `its record in the ${where} cannot be read: ${decoded.why}`);
    else if (decoded.value.id !== id) this.#tally.wrong(id, `its record in the ${where} says ${decoded.value.id}`);
    else return decoded.value;
    return undefined;
  }

  async #each(table: Table, look: (entry: Entry) => void): Promise<void> {
    const all = this.#store.stats(table).entries;
    for (let from = "", done = 0; ;) {
      const entries = this.#store.range(table, from, undefined, page);
      for (const entry of entries) look(entry);
      this.#onProgress(table, (done += entries.length), all);
      const last = entries.at(-1);
      if (last === undefined || entries.length < page) return;
      from = after(last.key);
      await this.#pause();
    }
  }

  async #pause(): Promise<void> {
    this.#signal.throwIfAborted();
    await nextTurn();
  }
}
