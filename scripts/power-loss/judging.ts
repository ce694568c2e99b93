/**
 * Has the planned states judged by processes, several at a time. A process that is ended by a state (LMDB crashes on a
 * file that it does not bear) or hangs in it has found something; another goes on behind it.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import { z } from "zod";
import type { Finding } from "./judge.ts";

/** Much longer than one state takes. */
const patienceMs = 60_000;

const lineSchema = z.union([
  z.object({ begun: z.number() }),
  z.object({
    done: z.number(),
    findings: z.array(z.object({ kind: z.enum(["lost", "half", "unopenable"]), detail: z.string() })),
  }),
]);

export interface Judged {
  readonly state: number;
  readonly findings: readonly Finding[];
}

/** Judges the states from `first` to `last`. */
export async function judged(job: string, first: number, last: number, dir: string): Promise<Judged[]> {
  const results: Judged[] = [];
  for (let next = first; next <= last;) {
    const { state, ended } = await oneProcess(job, next, last, dir, results);
    if (ended === undefined) break;
    results.push({
      state,
      findings: [{ kind: "unopenable", detail: `the process that opened it ended with ${ended}` }],
    });
    next = state + 1;
  }
  return results;
}

async function oneProcess(
  job: string,
  first: number,
  last: number,
  dir: string,
  results: Judged[],
): Promise<{ state: number; ended: string | undefined }> {
  const program = path.join(import.meta.dirname, "judge.ts");
  const child = spawn(process.execPath, [program, job, String(first), String(last), dir], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  let state = first;
  let timer = setTimeout(() => child.kill("SIGKILL"), patienceMs);
  const exit = once(child, "exit");
  for await (const text of createInterface({ input: child.stdout })) {
    clearTimeout(timer);
    timer = setTimeout(() => child.kill("SIGKILL"), patienceMs);
    const line = lineSchema.parse(JSON.parse(text));
    if ("begun" in line) state = line.begun;
    else results.push({ state: line.done, findings: line.findings });
  }
  await exit;
  clearTimeout(timer);
  const { exitCode, signalCode } = child;
  return { state, ended: exitCode === 0 ? undefined : (signalCode ?? `status ${exitCode}`) };
}
