/** What a soak run measures of popgate from outside, one row for each moment. */
import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import type { AdminClient } from "../../src/cli/admin-client.ts";
import type { Rule } from "./level.ts";
import { usedPages } from "./used-pages.ts";

const MB = 1_000_000;

/** Columns, and how each is judged; none: it is only written down. */
export const columns = {
  seconds: undefined,
  messages: undefined,
  cpu_seconds: undefined,
  rss: { share: 0.1, allowance: 8 * MB },
  /** Of it what is the process's own, and what are pages of files: the program, and the spool where it was read. */
  rss_own: { share: 0.1, allowance: 8 * MB },
  rss_files: { share: 0.1, allowance: 8 * MB },
  heap: { share: 0.15, allowance: 8 * MB },
  open_files: { share: 0.1, allowance: 4 },
  reader_slots: { share: 0, allowance: 1 },
  file: { share: 0.1, allowance: 4 * MB },
  /** What is remembered of fetched messages stays for longer than the run: about a hundred octets each. */
  used_pages: { share: 0.1, allowance: 200 },
  loop_p50_ms: { share: 0.5, allowance: 2 },
  loop_p99_ms: { share: 1, allowance: 20 },
  loop_max_ms: undefined,
} as const satisfies Readonly<Record<string, Rule | undefined>>;

type Column = keyof typeof columns;
export type Row = Readonly<Record<Column, number>>;

export interface Subject {
  readonly pid: number;
  readonly spool: string;
  readonly probe: string;
  readonly client: AdminClient;
}

export async function sample({ pid, spool, probe, client }: Subject, seconds: number, messages: number): Promise<Row> {
  const page = await metrics(client);
  const loop = lastLine(probe);
  const memory = residentParts(pid);
  return {
    seconds,
    messages,
    cpu_seconds: page.get("process_cpu_seconds_total") ?? Number.NaN,
    rss: page.get("process_resident_memory_bytes") ?? Number.NaN,
    rss_own: memory.own,
    rss_files: memory.files,
    heap: page.get("process_heap_bytes") ?? Number.NaN,
    open_files: page.get("process_open_fds") ?? Number.NaN,
    reader_slots: readerSlots(path.join(spool, "lock.mdb"), pid),
    file: statSync(path.join(spool, "data.mdb")).size,
    used_pages: usedPages(path.join(spool, "data.mdb")),
    loop_p50_ms: loop("p50"),
    loop_p99_ms: loop("p99"),
    loop_max_ms: loop("max"),
  };
}

async function metrics(client: AdminClient): Promise<ReadonlyMap<string, number>> {
  const response = await client.open("/metrics");
  let text = "";
  for await (const chunk of response) text += String(chunk);
  return new Map([...text.matchAll(/^(\w+) (\S+)$/gmu)].map(([, name = "", value]) => [name, Number(value)]));
}

/** In octets (proc_pid_status(5)). */
function residentParts(pid: number): { readonly own: number; readonly files: number } {
  const text = readFileSync(`/proc/${pid}/status`, "utf8");
  const octets = (name: string): number =>
    1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "mu").exec(text)?.[1] ?? Number.NaN);
  return { own: octets("RssAnon"), files: octets("RssFile") };
}

function lastLine(file: string): (name: string) => number {
  const line =
    statSync(file, { throwIfNoEntry: false }) === undefined ? "" : readFileSync(file, "utf8").trim().split("\n").at(-1);
  return (name) => Number(new RegExp(`"${name}":([\\d.e+-]+)`, "u").exec(line ?? "")?.[1] ?? Number.NaN);
}

/**
 * LMDB's table of readers, as lmdb 3.5 lays it out: 192 octets of header, then 64 for each slot, with the owner's process
 * id at 24. A slot is taken once for a thread that reads, and kept; more and more of them would be a leak.
 */
function readerSlots(file: string, pid: number): number {
  const octets = readFileSync(file);
  let count = 0;
  for (let at = 192; at + 64 <= octets.length; at += 64) if (octets.readUInt32LE(at + 24) === pid) count += 1;
  return count;
}
