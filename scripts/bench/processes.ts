/** What the kernel says of a process that runs. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

const ticksPerSecond = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

export interface Memory {
  /** The most that was ever resident, files mapped included. */
  readonly peakOctets: number;
  readonly residentOctets: number;
  /** Of it, what is the program's own; the rest are pages of files that the kernel takes back when it needs them. */
  readonly ownOctets: number;
}

export function memoryOf(pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const of = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "mu").exec(status)?.[1] ?? "0") * 1024;
  return { peakOctets: of("VmHWM"), residentOctets: of("VmRSS"), ownOctets: of("RssAnon") };
}

/** User and system time of a process, and of those of its children that have ended. */
function cpuSecondsOf(pid: number): number {
  const fields = statOf(pid);
  const ticks = [11, 12, 13, 14].reduce((sum, field) => sum + Number(fields[field]), 0);
  return ticks / ticksPerSecond;
}

/** The same of all processes whose parent it is, or their parent's: a server and what it has started. */
export function cpuSecondsBelow(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
    .trim()
    .split(" ")
    .filter(Boolean)
    .map(Number);
  let sum = 0;
  for (const child of children) {
    try {
      sum += cpuSecondsBelow(child);
    } catch {
      // It has ended: its time is its parent's now.
    }
  }
  return sum + cpuSecondsOf(pid);
}

/** From the third field on: the second is a name with anything in it. */
function statOf(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}
