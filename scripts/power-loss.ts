/**
 * `make power-loss`: records every write and flush of a working spool below LMDB, and opens the spool again in the states in
 * which a loss of power could have left the disk (`power-loss/disk.ts` says which disk is assumed). What was
 * acknowledged by then must be there, whole, and everything must fit together. Status 0 only then. docs/power-loss.md tells more.
 *
 * SEED chooses mail, moments and what was kept; STATES how many states are tried (default 400; `all` for all there are);
 * MESSAGES how many are taken. UNSAFE=no-sync or UNSAFE=early plants a fault: a store that does not flush, an
 * acknowledgement before the commit; then it must end with status 1.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import path from "node:path";
import { serialize } from "node:v8";
import { unpackedSpoolV1 } from "./power-loss/old-spool.ts";
import type { Job } from "./power-loss/job.ts";
import { judged, type Judged } from "./power-loss/judging.ts";
import { planOf, type PlannedState } from "./power-loss/plan.ts";
import { record, type Workload } from "./power-loss/record.ts";

const seed = numberOf("SEED", 20_261_124);
const most = process.env["STATES"] === "all" ? Number.MAX_SAFE_INTEGER : numberOf("STATES", 400);
const messages = numberOf("MESSAGES", 32);
const safety = safetyOf(process.env["UNSAFE"] ?? "");
const mostShown = 20;

process.exitCode = await powerLoss();

async function powerLoss(): Promise<number> {
  if (spawnSync("strace", ["-V"]).status !== 0) {
    say("strace is not there (Debian package: strace), or may not be used: nothing was tried");
    return 1;
  }
  const home = mkdtempSync(path.join(tmpdir(), "popgate-power-loss-"));
  const begun = performance.now();
  try {
    const sums = { lost: 0, half: 0, unopenable: 0 };
    let states = 0;
    // An older spool is changed in a fifth of them.
    for (const [name, share] of [
      ["mail", 0.8],
      ["upgrade", 0.2],
    ] as const) {
      const { plan, results } = await tried(home, { name, safety, seed, messages }, Math.round(most * share));
      states += results.length;
      if (results.length !== plan.length)
        throw new Error(`${plan.length} states were to be judged, ${results.length} were`);
      show(plan, results);
      for (const kind of ["lost", "half", "unopenable"] as const)
        sums[kind] += results.flatMap(({ findings }) => findings).filter((one) => one.kind === kind).length;
    }
    const seconds = ((performance.now() - begun) / 1000).toFixed(0);
    say(
      `states ${states}, acknowledged lost ${sums.lost}, half ${sums.half}, unopenable ${sums.unopenable} (seed ${seed}, ${seconds} s)`,
    );
    return sums.lost + sums.half + sums.unopenable === 0 ? 0 : 1;
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

async function tried(
  home: string,
  workload: Workload,
  limit: number,
): Promise<{ plan: readonly PlannedState[]; results: readonly Judged[] }> {
  const dir = path.join(home, workload.name);
  mkdirSync(dir);
  const kept = workload.name === "upgrade" ? unpackedSpoolV1(path.join(dir, "spool")) : [];
  const recording = await record(dir, path.join(home, "trace"), workload);
  const plan = planOf(recording, seed, limit);
  const { steps } = recording;
  const count = (kind: string): number => steps.filter((step) => step.kind === kind).length;
  const marks = steps.filter((step) => step.kind === "mark" && step.text.includes('"taken"')).length;
  say(
    `${workload.name}: ${count("write")} writes, ${count("flushed")} flushes, ${count("written")} synchronous writes, ` +
      `${count("settled")} flushed directories, ${marks} messages acknowledged; ${plan.length} states`,
  );
  if (marks === 0 || count("write") === 0) throw new Error("nothing was recorded");
  const job = path.join(home, "job");
  writeFileSync(job, serialize({ recording, plan, kept } satisfies Job));
  const processes = Math.min(2, availableParallelism());
  const each = Math.ceil(plan.length / processes);
  const parts = Array.from({ length: processes }, async (_, n) =>
    judged(job, n * each, Math.min(plan.length, (n + 1) * each) - 1, path.join(home, `judged-${n}`)),
  );
  return { plan, results: (await Promise.all(parts)).flat() };
}

function show(plan: readonly PlannedState[], results: readonly Judged[]): void {
  const bad = results.filter(({ findings }) => findings.length > 0);
  for (const { state, findings } of bad.slice(0, mostShown)) {
    const planned = plan[state];
    say(`WRONG after step ${planned?.steps}, kept: ${planned?.keeping} (seed ${planned?.seed}):`);
    for (const { kind, detail } of findings.slice(0, 5)) say(`      ${kind}: ${detail.slice(0, 300)}`);
    if (findings.length > 5) say(`      and ${findings.length - 5} more`);
  }
  if (bad.length > mostShown) say(`and ${bad.length - mostShown} more states with something wrong`);
}

function numberOf(name: string, otherwise: number): number {
  const given = process.env[name];
  if (given === undefined || given === "") return otherwise;
  if (!/^\d{1,9}$/u.test(given)) throw new Error(`${name}=${given} is not a number`);
  return Number(given);
}

function safetyOf(text: string): Workload["safety"] {
  if (text === "" || text === "0") return "safe";
  if (text === "no-sync" || text === "early") return text;
  if (text === "1") return "no-sync";
  throw new Error(`UNSAFE=${text}: no-sync or early`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
