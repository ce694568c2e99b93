/**
 * Gets mail out of a spool in any state: a file cut short, pages overwritten, or one that a newer version wrote.
 *
 * The file is read by our own reader of LMDB's pages (`pages.ts`), which cannot crash on it. As long as the trees can be
 * followed, exactly the present messages come out. Where they cannot, every page of the file is looked at as well; what
 * is found there may be of the past, so a message that was delivered long ago can come out again. The record beside each
 * message says what became of its recipients as far as was known.
 *
 * Writes `<id>.eml` (the octets as stored), `<id>.json` (the record), or `<id>.record` where the record cannot be read;
 * `history.jsonl`, the records of messages that had ended, and `ledger.jsonl`, what was known of the providers' boxes, one
 * entry on each line. Never over a file that is there. A message is whole when its digest agrees; the record has none of its own, so look at
 * the addresses before anything is sent from a damaged file. The spool itself is only read.
 */
import { createHash } from "node:crypto";
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import path from "node:path";
import { parseMessageId, type MessageId } from "../core/ids.ts";
import { decodeHistory, decodeLedger, decodeMessage } from "./codec.ts";
import { dataFile } from "./page-layout.ts";
import { PageFile, type PageEntry } from "./pages.ts";
import type { HistoryRecord, MessageRecord } from "./record.ts";

export interface RescueReport {
  /** Messages whose octets have the digest they were stored with. */
  readonly whole: readonly MessageId[];
  readonly partial: readonly { readonly id: MessageId; readonly detail: string }[];
  /** Messages that had ended, and of which only leftovers were seen: not extracted. */
  readonly ended: number;
  /** Ended messages whose records are in `history.jsonl`. */
  readonly history: number;
  /** Entries in `ledger.jsonl`. */
  readonly ledger: number;
  /** What could not be followed in the file. Empty when it is sound. */
  readonly faults: readonly string[];
}

const mostFaultsTold = 100;

interface Found {
  readonly records: Map<MessageId, PageEntry>;
  readonly asides: Map<MessageId, PageEntry>;
  readonly ended: Map<MessageId, PageEntry>;
  /** By account and unique id. */
  readonly ledger: Map<string, PageEntry>;
  /** By number. Of one chunk several copies may be seen: all have the same octets, if they can still be read. */
  readonly chunks: Map<MessageId, Map<number, PageEntry[]>>;
}

/** Extracts what can be had from the spool in `dir` into `outDir`, which is made if it is not there. */
export function rescueSpool(dir: string, outDir: string): RescueReport {
  using file = new PageFile(path.join(dir, dataFile));
  const faults: string[] = [];
  const found = search(file, (detail) => {
    if (faults.length < mostFaultsTold) faults.push(detail);
  });
  mkdirSync(outDir, { recursive: true, mode: 0o700 });
  const whole: MessageId[] = [];
  const partial: { id: MessageId; detail: string }[] = [];
  let ended = 0;
  for (const id of new Set([...found.records.keys(), ...found.asides.keys(), ...found.chunks.keys()])) {
    if (hasEnded(found, id)) {
      ended += 1;
      continue;
    }
    const detail = extract(found, id, outDir);
    if (detail === undefined) whole.push(id);
    else partial.push({ id, detail });
  }
  const history = writeLines(path.join(outDir, "history.jsonl"), found.ended, historyLine);
  const ledger = writeLines(path.join(outDir, "ledger.jsonl"), found.ledger, ledgerLine);
  return { whole: whole.sort(), partial, ended, history, ledger, faults };
}

function search(file: PageFile, onFault: (detail: string) => void): Found {
  const found: Found = {
    records: new Map(),
    asides: new Map(),
    ended: new Map(),
    ledger: new Map(),
    chunks: new Map(),
  };
  let sound = true;
  const fault = (detail: string): void => {
    sound = false;
    onFault(detail);
  };
  const tables = file.tables(fault);
  for (const name of ["message", "setaside", "history", "chunk", "ledger"]) {
    const root = tables?.get(name);
    if (root === undefined) fault(`the tree of the table ${name} is not to be found`);
    else file.entries(root, fault, (entry) => note(found, name, entry));
  }
  if (sound) return found;
  file.scan((entry) => {
    const table = tableByLook(entry);
    if (table !== undefined) note(found, table, entry);
  });
  return found;
}

/** Which table an entry seen on a page belongs to: keys alone do not tell records of the queue and the history apart. */
function tableByLook({ key, size, read }: PageEntry): string | undefined {
  if (chunkKeyPattern.test(key)) return "chunk";
  if (key.startsWith("setaside/")) return "setaside";
  if (size === 0) return undefined;
  const octets = read();
  if (octets === undefined || octets[0] !== braceOctet) return undefined;
  if (key.includes("/")) return decodeLedger(octets).kind === "ok" ? "ledger" : undefined;
  if (parseMessageId(key) === undefined) return undefined;
  const text = octets.toString("utf8");
  return /"endedAt":\d+\}$/u.test(text) ? "history" : "message";
}

const braceOctet = 0x7b;
const chunkKeyPattern = /^([^/]+)\/(\d{8})$/u;

function note(found: Found, table: string, entry: PageEntry): void {
  if (table === "chunk") {
    const [, idText = "", number = ""] = chunkKeyPattern.exec(entry.key) ?? [];
    const id = parseMessageId(idText);
    if (id === undefined) return;
    const chunks = found.chunks.get(id) ?? new Map<number, PageEntry[]>();
    found.chunks.set(id, chunks.set(Number(number), [...(chunks.get(Number(number)) ?? []), entry]));
    return;
  }
  if (table === "ledger") return newest(found.ledger, entry.key, entry);
  const id = parseMessageId(table === "setaside" ? entry.key.replace(/^message\//u, "") : entry.key);
  if (id === undefined) return;
  const into = table === "message" ? found.records : table === "history" ? found.ended : found.asides;
  newest(into, id, entry);
}

function newest<K>(into: Map<K, PageEntry>, key: K, entry: PageEntry): void {
  const before = into.get(key);
  if (before === undefined || before.transaction < entry.transaction) into.set(key, entry);
}

function hasEnded(found: Found, id: MessageId): boolean {
  const end = found.ended.get(id);
  const record = found.records.get(id);
  return end !== undefined && (record === undefined || record.transaction <= end.transaction);
}

/** Writes one message. Returns what is wrong with it. */
function extract(found: Found, id: MessageId, outDir: string): string | undefined {
  const record = writeRecord(found, id, outDir);
  const chunks = found.chunks.get(id) ?? new Map<number, PageEntry[]>();
  const hash = createHash("sha256");
  let size = 0;
  const missing: number[] = [];
  const handle = openSync(path.join(outDir, `${id}.eml`), "wx", 0o600);
  try {
    for (let number = 0; number <= Math.max(-1, ...chunks.keys()); number++) {
      const octets = firstReadable(chunks.get(number));
      if (octets === undefined) {
        missing.push(number);
        continue;
      }
      hash.update(octets);
      size += octets.length;
      writeSync(handle, octets);
    }
  } finally {
    closeSync(handle);
  }
  if (missing.length > 0) return `chunks ${missing.join(", ")} are lost`;
  if (record === undefined) return "its record is lost: envelope, size and digest are not known";
  if (record.id !== id) return "its record is damaged";
  if (size !== record.size) return `${size} of ${record.size} octets are left`;
  return hash.digest("hex") === record.digest ? undefined : "its digest does not agree";
}

function writeRecord(found: Found, id: MessageId, outDir: string): MessageRecord | undefined {
  const octets = found.records.get(id)?.read() ?? found.asides.get(id)?.read();
  if (octets === undefined) return undefined;
  const decoded = decodeMessage(octets);
  const name = decoded.kind === "ok" ? `${id}.json` : `${id}.record`;
  const content = decoded.kind === "ok" ? `${JSON.stringify(decoded.value, undefined, 2)}\n` : octets;
  writeFileSync(path.join(outDir, name), content, { mode: 0o600, flag: "wx" });
  return decoded.kind === "ok" ? decoded.value : undefined;
}

function firstReadable(copies: readonly PageEntry[] | undefined): Buffer | undefined {
  for (const copy of copies ?? []) {
    const octets = copy.read();
    if (octets !== undefined) return octets;
  }
  return undefined;
}

/** Returns how many lines there are: entries that cannot be read any more are left out. */
function writeLines(
  file: string,
  entries: ReadonlyMap<string, PageEntry>,
  line: (key: string, octets: Buffer) => unknown,
): number {
  const handle = openSync(file, "wx", 0o600);
  let lines = 0;
  try {
    for (const key of [...entries.keys()].sort()) {
      const octets = entries.get(key)?.read();
      const value = octets === undefined ? undefined : line(key, octets);
      if (value === undefined) continue;
      writeSync(handle, `${JSON.stringify(value)}\n`);
      lines += 1;
    }
  } finally {
    closeSync(handle);
  }
  return lines;
}

function historyLine(_: string, octets: Buffer): HistoryRecord | undefined {
  const decoded = decodeHistory(octets);
  return decoded.kind === "ok" ? decoded.value : undefined;
}

function ledgerLine(key: string, octets: Buffer): unknown {
  const decoded = decodeLedger(octets);
  return decoded.kind === "ok" ? { account: key.slice(0, key.indexOf("/")), ...decoded.value } : undefined;
}
