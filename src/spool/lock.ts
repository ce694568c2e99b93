/**
 * One process for each spool directory.
 *
 * The lock is a file that names its owner: process id and, where the system tells it, the time the process started, so
 * that a process id used again is not taken for the old owner. It is put in place by link(2), which cannot half happen.
 * A lock whose owner has gone is taken over; a live one refuses with SPOOL_UNUSABLE and the owner's id.
 */
import { linkSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { SpoolError } from "./port.ts";

const lockName = "lock";

export function lockSpool(dir: string): Disposable {
  const file = path.join(dir, lockName);
  const mine = `${process.pid} ${startOf(process.pid)}\n`;
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, mine, { mode: 0o600 });
  try {
    for (let tries = 0; ; tries++) {
      if (tryLink(draft, file)) break;
      const owner = readOwner(file);
      if (owner !== undefined && isAlive(owner)) {
        throw new SpoolError(
          "SPOOL_UNUSABLE",
          `the spool ${dir} is in use by process ${owner.pid}: only one popgate can own it; stop that one first`,
        );
      }
      if (tries > 10) throw new SpoolError("SPOOL_UNUSABLE", `the lock ${file} cannot be taken over`);
      removeIfSame(file, owner);
    }
  } finally {
    unlinkSync(draft);
  }
  return {
    [Symbol.dispose]() {
      if (readText(file) === mine) unlinkSync(file);
    },
  };
}

interface Owner {
  readonly pid: number;
  readonly start: string;
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

function readOwner(file: string): Owner | undefined {
  const match = /^(\d+) (\S*)\n$/u.exec(readText(file));
  return match === null ? undefined : { pid: Number(match[1]), start: match[2] ?? "" };
}

function removeIfSame(file: string, owner: Owner | undefined): void {
  const present = readOwner(file);
  if (present?.pid !== owner?.pid || present?.start !== owner?.start) return;
  try {
    unlinkSync(file);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
}

function isAlive({ pid, start }: Owner): boolean {
  if (pid === process.pid) return start === startOf(pid);
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives, and belongs to somebody else.
    if (!(error instanceof Error && "code" in error && error.code === "EPERM")) return false;
  }
  return start === "" || start === startOf(pid);
}

/** When a process was started, in the kernel's ticks; empty where there is no /proc. */
function startOf(pid: number): string {
  const stat = readText(`/proc/${pid}/stat`);
  // The second field is the program's name in parentheses, and may hold anything.
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}

function readText(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}
