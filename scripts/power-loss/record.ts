/** Runs the workload under strace and reads what it has done to its disk. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { dataFile } from "../../src/spool/page-layout.ts";
import type { Beginning, Recording } from "./step.ts";
import { stepsOf, tracedCalls } from "./trace.ts";

export interface Workload {
  readonly name: "mail" | "upgrade";
  /** `no-sync` and `early` are faults that must be found. */
  readonly safety: "safe" | "no-sync" | "early";
  readonly seed: number;
  readonly messages: number;
}

const patienceMs = 120_000;

/** `dir` is what the workload finds; `traceFile` must lie elsewhere. */
export async function record(
  dir: string,
  traceFile: string,
  { name, safety, seed, messages }: Workload,
): Promise<Recording> {
  const root = realpathSync(dir);
  const beginning = beginningOf(root);
  const program = path.join(import.meta.dirname, "workload.ts");
  const options = `-f -y -xx -s 1000000000 --seccomp-bpf -e signal=none -e trace=${tracedCalls.join(",")}`.split(" ");
  const child = spawn(
    "strace",
    [...options, "-o", traceFile, process.execPath, program, root, name, safety, String(seed), String(messages)],
    { stdio: ["ignore", "ignore", "pipe"], timeout: patienceMs },
  );
  const errors = text(child.stderr);
  await once(child, "exit");
  if (child.exitCode !== 0) throw new Error(`the workload failed: ${await errors}`);
  const lines: string[] = [];
  for await (const line of createInterface({ input: createReadStream(traceFile) })) lines.push(line);
  return { beginning, steps: stepsOf(lines, root, beginning) };
}

function beginningOf(root: string): Beginning {
  const names = readdirSync(root, { recursive: true, encoding: "utf8" });
  return {
    directories: names.filter((name) => statSync(path.join(root, name)).isDirectory()),
    files: names
      .filter((name) => path.basename(name) === dataFile)
      .map((name, node) => ({ path: name, node, octets: readFileSync(path.join(root, name)) })),
  };
}
