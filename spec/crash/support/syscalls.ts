/** Reads what strace wrote (`-f -y`), as far as the order of writes and flushes of one file goes. */
import { readFileSync } from "node:fs";

export type Step =
  /** Data written to the file; not yet on the disk. */
  | { readonly kind: "write" }
  /** Written through a descriptor that was opened with O_DSYNC: on the disk when the call returns. */
  | { readonly kind: "synchronous-write" }
  | { readonly kind: "flush" }
  /** One line written to standard output. */
  | { readonly kind: "marker"; readonly text: string };

/**
 * The steps in the order in which they took effect, at worst: a plain write and a marker count from the start of the call,
 * a flush and a synchronous write from its return, and only if it did not fail.
 */
export function readSteps(traceFile: string, fileName: string): Step[] {
  const steps: Step[] = [];
  const synchronous = new Set<string>();
  const unfinished = new Map<string, string>();
  for (const line of readFileSync(traceFile, "utf8").split("\n")) {
    const [, pid = "", text = ""] = /^(\d+) +(.*)$/u.exec(line) ?? [];
    const begun = text.endsWith("<unfinished ...>");
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/u.exec(text);
    const call = resumed === null ? text : `${unfinished.get(pid) ?? ""}${resumed[1] ?? ""}`;
    if (begun) unfinished.set(pid, text.slice(0, -"<unfinished ...>".length).trimEnd());
    const [, name = "", descriptor = "", file = ""] = /^(\w+)\((\d+)<([^>]*)>/u.exec(call) ?? [];
    if (name === "write" && descriptor === "1") {
      const [, marker = ""] = /, "(.*)\\n"/u.exec(call) ?? [];
      if (resumed === null) steps.push({ kind: "marker", text: marker });
      continue;
    }
    if (name === "" && call.startsWith("openat(")) {
      const [, opened = ""] = /= (\d+)<[^>]*>$/u.exec(call) ?? [];
      if (call.includes(fileName) && /O_D?SYNC/u.test(call)) synchronous.add(opened);
      continue;
    }
    if (!file.endsWith(fileName)) continue;
    if (name === "fdatasync" || name === "fsync") {
      if (!begun && call.endsWith("= 0")) steps.push({ kind: "flush" });
    } else if (synchronous.has(descriptor)) {
      if (!begun && !call.includes("= -1")) steps.push({ kind: "synchronous-write" });
    } else if (resumed === null) steps.push({ kind: "write" });
  }
  return steps;
}

/**
 * What is wrong with the order of a run that commits one message after the other: every `committed` marker must be
 * preceded, since the marker before it, by writes of data, a flush after the last of them, and then the synchronous write
 * of the page that makes the commit valid.
 */
export function faultsOf(steps: readonly Step[]): string[] {
  const faults: string[] = [];
  const start = steps.findIndex((step) => step.kind === "marker" && step.text === "begin");
  let since: Step[] = [];
  for (const step of steps.slice(start + 1)) {
    if (step.kind !== "marker") {
      since.push(step);
      continue;
    }
    if (step.text.startsWith("committed ")) {
      const lastWrite = since.findLastIndex(({ kind }) => kind === "write");
      const lastFlush = since.findLastIndex(({ kind }) => kind === "flush");
      const lastMeta = since.findLastIndex(({ kind }) => kind === "synchronous-write");
      if (lastWrite < 0) faults.push(`${step.text}: nothing was written`);
      else if (lastFlush < lastWrite) faults.push(`${step.text}: not flushed`);
      else if (lastMeta < lastFlush) faults.push(`${step.text}: flushed, but not made valid`);
    }
    since = [];
  }
  return faults;
}
