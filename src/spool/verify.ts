/**
 * Checks a spool that no daemon uses: the pages of the file, every body's digest, and that records and indexes say the
 * same. Changes nothing. A file whose pages do not fit together is not given to LMDB, which would crash on it.
 *
 * A fault is something that popgate would trip over or that is lost. What a start cleans up by itself (an unfinished
 * body, a body still to be removed) is counted, not complained of.
 */
import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import path from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { addressKey } from "../core/address.ts";
import { decodeHistory, decodeLedger, decodeMessage } from "./codec.ts";
import { after, below, chunkKey, midKey, schemaKey, seenKey, splitTimeKey, timeKey } from "./keys.ts";
import { openLmdbStore } from "./lmdb-store.ts";
import { lockSpool } from "./lock.ts";
import { unheard, type OnProgress } from "./long-work.ts";
import { dataFile } from "./page-layout.ts";
import { PageFile } from "./pages.ts";
import { SpoolError } from "./port.ts";
import { nextDue, type MessageRecord } from "./record.ts";
import { mustBeReadable } from "./schema.ts";
import type { Entry, Store, Table } from "./store.ts";
import { dueTable, isHeld, isOwed } from "./writes.ts";

export interface VerifyReport {
  readonly messages: number;
  readonly queued: number;
  readonly held: number;
  readonly history: number;
  readonly ledger: number;
  /** Octets of the bodies that were read and compared. */
  readonly octets: number;
  /** Bodies that are on their way out, or were never finished. */
  readonly leftovers: number;
  /** Entries that could not be read and were moved aside. */
  readonly setAside: number;
  /** That it has an older schema version, and what comes of it. */
  readonly remark?: string | undefined;
  readonly faults: readonly VerifyFault[];
}

interface VerifyFault {
  /** Table and key. */
  readonly where: string;
  readonly detail: string;
}

const page = 500;

const mostPageFaults = 100;

/** Rejects with SPOOL_UNUSABLE when there is no spool, or when it is in use. */
export async function verifySpool(dir: string, onProgress: OnProgress = unheard): Promise<VerifyReport> {
  if ((statSync(path.join(dir, dataFile), { throwIfNoEntry: false })?.size ?? 0) === 0)
    throw new SpoolError("SPOOL_UNUSABLE", `there is no spool in ${dir}`);
  using _lock = lockSpool(dir);
  const broken = pageFaults(path.join(dir, dataFile), onProgress);
  if (broken.length > 0) return { ...nothing, faults: broken };
  const store = openLmdbStore({ dir, readOnly: true });
  try {
    return await verifyStore(store, dir, onProgress);
  } finally {
    await store.close();
  }
}

/** What LMDB would trip over. */
function pageFaults(file: string, onProgress: OnProgress): VerifyFault[] {
  const faults: VerifyFault[] = [];
  using pages = new PageFile(file);
  const onFault = (detail: string): void => {
    if (faults.length < mostPageFaults) faults.push({ where: dataFile, detail });
  };
  pages.check("all", onFault, (read) => onProgress("pages", read, undefined));
  return faults;
}

/** `dir` is where it is, for the words. */
export async function verifyStore(store: Store, dir = "(in memory)", onProgress = unheard): Promise<VerifyReport> {
  const faults: VerifyFault[] = [];
  const fault = (where: string, detail: string): void => void faults.push({ where, detail });
  let remark: string | undefined;
  try {
    remark = mustBeReadable(store, dir);
  } catch (error) {
    if (!(error instanceof SpoolError) || error.code !== "SPOOL_UNUSABLE") throw error;
    fault(`meta/${schemaKey}`, error.message);
    return { ...nothing, faults };
  }
  const tally = { messages: 0, queued: 0, held: 0, owed: 0, octets: 0 };
  await each(store, "message", async (entry) => verifyMessage(store, entry, tally, fault), onProgress);
  await verifyIndexes(store, tally, fault);
  const leftovers = await verifyChunks(store, fault, onProgress);
  await verifyHistory(store, fault, onProgress);
  const entryOfLedger = ({ key, value }: Entry): void => {
    const decoded = decodeLedger(value);
    if (decoded.kind === "bad") fault(`ledger/${key}`, decoded.why);
  };
  await each(store, "ledger", entryOfLedger, onProgress);
  return {
    ...tally,
    history: store.stats("history").entries,
    ledger: store.stats("ledger").entries,
    leftovers,
    setAside: store.stats("setaside").entries,
    remark,
    faults,
  };
}

const nothing = {
  messages: 0,
  queued: 0,
  held: 0,
  owed: 0,
  history: 0,
  ledger: 0,
  octets: 0,
  leftovers: 0,
  setAside: 0,
};

type OnFault = (where: string, detail: string) => void;
type Tally = { -readonly [K in "messages" | "queued" | "held" | "owed" | "octets"]: number };

async function verifyMessage(store: Store, { key, value }: Entry, tally: Tally, fault: OnFault): Promise<void> {
  tally.messages += 1;
  const where = `message/${key}`;
  const decoded = decodeMessage(value);
  if (decoded.kind === "bad") return fault(where, decoded.why);
  const record = decoded.value;
  if (record.id !== key) fault(where, `it says that it is ${record.id}`);
  const due = nextDue(record);
  if (due !== undefined) {
    tally.queued += 1;
    if (store.get(dueTable(record.direction), timeKey(due, record.id)) === undefined)
      fault(where, "it is due but not in the queue");
  }
  if (isHeld(record)) {
    tally.held += 1;
    if (store.get("held", record.id) === undefined) fault(where, "it is held but not among the held");
  }
  if (isOwed(record)) {
    tally.owed += 1;
    if (store.get("owed", record.id) === undefined)
      fault(where, "its sender is owed a report, but it is not among the owed");
  }
  if (due === undefined && !isHeld(record) && !isOwed(record))
    fault(where, "it is neither due nor held nor owed a report");
  const { messageId } = record.summary;
  if (messageId !== "" && store.get("mid", midKey(messageId, record.id)) === undefined)
    fault(where, "it cannot be found by its Message-ID");
  const why = await bodyFault(store, record);
  if (why === undefined) tally.octets += record.size;
  else fault(where, why);
}

async function bodyFault(store: Store, record: MessageRecord): Promise<string | undefined> {
  const hash = createHash("sha256");
  let size = 0;
  let number = 0;
  for (; size < record.size; number++) {
    const chunk = store.get("chunk", chunkKey(record.id, number));
    if (chunk === undefined) return `chunk ${number} of its body is missing`;
    hash.update(chunk);
    size += chunk.length;
    await nextTurn();
  }
  if (size !== record.size) return `its body has ${size} octets, not ${record.size}`;
  if (store.get("chunk", chunkKey(record.id, number)) !== undefined) return "its body has more chunks than it should";
  return hash.digest("hex") === record.digest ? undefined : "its digest does not agree";
}

/** Every entry of the record's was found above: equal numbers say that there are no others. */
async function verifyIndexes(store: Store, tally: Tally, fault: OnFault): Promise<void> {
  if (store.stats("due").entries + store.stats("dueout").entries !== tally.queued) {
    for (const table of ["due", "dueout"] as const)
      await each(store, table, ({ key }) => {
        const { id, time } = splitTimeKey(key);
        const record = recordOf(store, id);
        if (record === undefined || nextDue(record) !== time || dueTable(record.direction) !== table)
          fault(`${table}/${key}`, "no message is due then by that id");
      });
  }
  if (store.stats("owed").entries !== tally.owed) {
    await each(store, "owed", ({ key }) => {
      const record = recordOf(store, key);
      if (record === undefined || !isOwed(record)) fault(`owed/${key}`, "no report is owed for a message of that id");
    });
  }
  if (store.stats("held").entries !== tally.held) {
    await each(store, "held", ({ key }) => {
      const record = recordOf(store, key);
      if (record === undefined || !isHeld(record)) fault(`held/${key}`, "no message of that id is held");
    });
  }
}

function recordOf(store: Store, id: string): MessageRecord | undefined {
  const octets = store.get("message", id);
  const decoded = octets === undefined ? undefined : decodeMessage(octets);
  return decoded?.kind === "ok" ? decoded.value : undefined;
}

/** Bodies that nothing knows of. Skips from body to body. */
async function verifyChunks(store: Store, fault: OnFault, onProgress: OnProgress): Promise<number> {
  let leftovers = 0;
  for (let from = "", bodies = 0; ; bodies++) {
    onProgress("chunk", bodies, undefined);
    const [key] = store.keys("chunk", from, undefined, 1);
    if (key === undefined) return leftovers;
    const id = key.slice(0, key.indexOf("/"));
    if (store.get("message", id) === undefined) {
      if (store.get("trash", id) !== undefined || store.get("ingest", id) !== undefined) leftovers += 1;
      else if (store.get("setaside", `message/${id}`) === undefined) fault(`chunk/${id}`, "a body without a record");
    }
    [, from] = below(id);
    await nextTurn();
  }
}

async function verifyHistory(store: Store, fault: OnFault, onProgress: OnProgress): Promise<void> {
  const ended = ({ key, value }: Entry): void => {
    const decoded = decodeHistory(value);
    if (decoded.kind === "bad") return fault(`history/${key}`, decoded.why);
    const record = decoded.value;
    if (store.get("message", key) !== undefined) fault(`history/${key}`, "it has ended and is in the queue as well");
    if (store.get("ended", timeKey(record.endedAt, record.id)) === undefined)
      fault(`history/${key}`, "it will never be pruned: its end is not in the index");
  };
  await each(store, "history", ended, onProgress);
  await each(store, "ended", ({ key }) => {
    const { id } = splitTimeKey(key);
    if (store.get("history", id) === undefined && !isSetAside(store, id))
      fault(`ended/${key}`, "there is no such history");
  });
  await each(store, "seen", ({ key, value }) => {
    const id = value.toString("latin1");
    const octets = store.get("message", id) ?? store.get("history", id);
    const decoded = octets === undefined ? undefined : decodeMessage(octets);
    const own = decoded?.kind === "ok" ? decoded.value : undefined;
    const known = own?.recipients.some(({ address }) => seenKey(own.contentDigest, addressKey(address)) === key);
    if (known !== true && !isSetAside(store, id)) fault(`seen/${key}`, `${id} has no such recipient`);
  });
}

/** It is kept for a person, and counted as such: that something names it is as it should be. */
function isSetAside(store: Store, id: string): boolean {
  return (["message", "history"] as const).some((table) => store.get("setaside", `${table}/${id}`) !== undefined);
}

async function each(
  store: Store,
  table: Table,
  check: (entry: Entry) => void | Promise<void>,
  onProgress: OnProgress = unheard,
): Promise<void> {
  const all = store.stats(table).entries;
  for (let from = "", done = 0; ;) {
    const entries = store.range(table, from, undefined, page);
    for (const entry of entries) {
      await check(entry);
      onProgress(table, ++done, all);
    }
    const last = entries.at(-1);
    if (last === undefined || entries.length < page) return;
    from = after(last.key);
    await nextTurn();
  }
}
