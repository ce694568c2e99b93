/**
 * `make fuzz`: inputs made by chance and guided by the branches that they reach, for everything that reads octets from
 * outside (docs/fuzzing.md). Ends with status 1 if something did not hold, or an input did not come to its end.
 *
 * TARGET=a,b (all), SECONDS for each target (60), RUNS for each target (no limit), SEED (by the clock), KEEP=1 replaces
 * the kept corpus by what now covers as much, FRESH=1 leaves out what earlier runs have found and writes nothing.
 * HANG is how many seconds an input may take (10): a thousand times what the slowest takes.
 */
import { Worker } from "node:worker_threads";
import type { Finding } from "./fuzz/campaign.ts";
import { inputLine } from "./fuzz/corpus-file.ts";
import { counted } from "./fuzz/targets.ts";
import type { SharedInput, WorkerResult, WorkerTask } from "./fuzz/worker.ts";

const largestInput = 1 << 20;

type Outcome = WorkerResult | { readonly hang: Buffer; readonly executions: number } | { readonly broken: string };

const { env } = process;
const seconds = numberFrom("SECONDS", 60);
const names = env["TARGET"] === undefined ? Object.keys(counted) : env["TARGET"].split(",");
const hangMs = numberFrom("HANG", 10) * 1000;
const seed = numberFrom("SEED", Date.now() % 1_000_000_000);
process.stdout.write(`seed ${seed}\n`);
for (const name of names) {
  const started = Date.now();
  const outcome = await fuzz(name);
  tell(name, outcome, (Date.now() - started) / 1000);
}

function numberFrom(name: string, otherwise: number): number {
  const text = env[name];
  if (text === undefined || text === "") return otherwise;
  if (!/^\d{1,10}$/u.test(text)) throw new TypeError(`${name} must be a number`);
  return Number(text);
}

async function fuzz(name: string): Promise<Outcome> {
  const shared: SharedInput = {
    state: new Int32Array(new SharedArrayBuffer(8)),
    octets: new Uint8Array(new SharedArrayBuffer(largestInput)),
  };
  const task: WorkerTask = {
    name,
    seed,
    executions: numberFrom("RUNS", Number.MAX_SAFE_INTEGER),
    endsAt: Date.now() + seconds * 1000,
    fresh: env["FRESH"] === "1",
    keep: env["KEEP"] === "1",
    shared,
  };
  const worker = new Worker(new URL("fuzz/worker.ts", import.meta.url), {
    workerData: task,
    execArgv: ["--disable-warning=ExperimentalWarning"],
  });
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  worker.once("message", resolve);
  worker.once("error", (error) =>
    resolve({ broken: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
  worker.once("exit", () => resolve({ broken: "the thread ended without a result" }));
  let before = -1;
  const watch = setInterval(() => {
    const executions = Atomics.load(shared.state, 0);
    // Before the first input the target is being loaded.
    if (executions > 0 && executions === before)
      resolve({ hang: Buffer.from(shared.octets.slice(0, shared.state[1])), executions });
    before = executions;
  }, hangMs);
  try {
    return await promise;
  } finally {
    clearInterval(watch);
    await worker.terminate();
  }
}

function tell(name: string, outcome: Outcome, took: number): void {
  if ("broken" in outcome) {
    process.stdout.write(`${name}: ${outcome.broken}\n`);
    process.exitCode = 1;
    return;
  }
  if ("hang" in outcome) {
    process.stdout.write(`${name}: after ${outcome.executions} executions an input does not end:\n`);
    process.stdout.write(`${inputLine(outcome.hang)}\n`);
    process.exitCode = 1;
    return;
  }
  const { executions, branches, reached, corpus, findings } = outcome;
  const rate = Math.round(executions / Math.max(took, 0.001));
  process.stdout.write(
    `${name}: ${executions} executions (${rate}/s), ${reached} of ${branches} branches, ${corpus} inputs, ${findings.length} finding(s)\n`,
  );
  for (const finding of findings) tellFinding(finding);
}

/** Buffers come out of a thread as plain arrays of octets. */
function tellFinding({ key, detail, input }: Finding): void {
  process.exitCode = 1;
  process.stdout.write(`  ${key}\n  ${inputLine(Buffer.from(input))}\n${detail.replace(/^/gmu, "    ")}\n`);
}
