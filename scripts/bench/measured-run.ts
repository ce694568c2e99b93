/**
 * Runs a program to its end and says what it cost: time by the clock, processor time and peak memory, children included,
 * as GNU time reports them from the kernel's accounts.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { stopping } from "./stopping.ts";

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Exit statuses that mean that all went well; 0 unless given. */
  readonly good?: readonly number[];
}

export interface Cost {
  readonly seconds: number;
  /** User and system time of the program and its children. */
  readonly cpuSeconds: number;
  /** Of the largest of its processes. */
  readonly peakOctets: number;
}

/** `dir` takes its output. Rejects with that output when it ends badly or does not end in time. */
export async function runMeasured(dir: string, name: string, command: Command, timeoutMs: number): Promise<Cost> {
  const [log, account] = [path.join(dir, `${name}.log`), path.join(dir, `${name}.time`)];
  const output = openSync(log, "w");
  const begun = performance.now();
  const child = spawn("/usr/bin/time", ["-f", "%U %S %M", "-o", account, command.command, ...command.args], {
    stdio: ["ignore", output, output],
    detached: true,
    env: { ...process.env, ...command.env },
  });
  closeSync(output);
  const timer = setTimeout(() => killGroup(child.pid), timeoutMs);
  try {
    await once(child, "exit", { signal: stopping });
  } finally {
    clearTimeout(timer);
    killGroup(child.pid);
  }
  const seconds = (performance.now() - begun) / 1000;
  if (!(command.good ?? [0]).includes(child.exitCode ?? -1)) {
    const text = (await readFile(log, "utf8")).slice(-2000);
    throw new Error(`${name} ended with ${child.exitCode ?? child.signalCode ?? "nothing"}:\n${text}`);
  }
  // With another status than 0, time writes a line about that first.
  const figures = (await readFile(account, "utf8")).trim().split("\n").at(-1) ?? "";
  const [user = 0, system = 0, kilobytes = 0] = figures.split(" ").map(Number);
  return { seconds, cpuSeconds: user + system, peakOctets: kilobytes * 1024 };
}

/** What is left of a process group that we made. */
function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended, as it should.
  }
}
