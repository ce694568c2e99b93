/**
 * The thread that fuzzes one target. It writes each input into memory shared with `scripts/fuzz.ts` before it is tried, so
 * that an input that never ends is known there.
 */
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { Chance } from "../torture/chance.ts";
import { Campaign, type Finding } from "./campaign.ts";
import { readInputs, writeInputs } from "./corpus-file.ts";
import { startCounting } from "./counting.ts";
import { countedBy, keptFiles, loadTarget, workingFile } from "./targets.ts";
import type { Target } from "./target.ts";

export interface WorkerTask {
  readonly name: string;
  readonly seed: number;
  readonly executions: number;
  readonly endsAt: number;
  /** Only what is kept and the seeds to begin with, and nothing is written: the same every time. */
  readonly fresh: boolean;
  /** Replace the kept inputs by what covers as much. */
  readonly keep: boolean;
  readonly shared: SharedInput;
}

/** `state`: executions so far, and the length of the input in `octets`. */
export interface SharedInput {
  readonly state: Int32Array;
  readonly octets: Uint8Array;
}

export interface WorkerResult {
  readonly executions: number;
  readonly branches: number;
  readonly reached: number;
  readonly corpus: number;
  readonly findings: readonly Finding[];
}

async function fuzz({ name, seed, executions, endsAt, fresh, keep, shared }: WorkerTask): Promise<WorkerResult> {
  const counting = startCounting(countedBy(name));
  const target = await loadTarget(name);
  const campaign = new Campaign(target, counting, new Chance(seed), (input) => {
    shared.octets.set(input);
    shared.state[1] = input.length;
    Atomics.add(shared.state, 0, 1);
  });
  const { covering, found } = keptFiles(name);
  const working = workingFile(name);
  for (const input of [...target.seeds, ...readInputs(found), ...readInputs(covering)]) await campaign.add(input);
  if (!fresh) for (const input of [...readInputs(working), ...examplesOf(target)]) await campaign.add(input);
  const words = dictionary(target, counting.literals);
  while (campaign.executions < executions && !campaign.isOver && Date.now() < endsAt) await campaign.step(words);
  if (!fresh) writeInputs(working, campaign.cover(false));
  if (keep) writeInputs(covering, campaign.cover(true));
  return {
    executions: campaign.executions,
    branches: counting.branches,
    reached: campaign.reached,
    corpus: campaign.corpusSize,
    findings: campaign.findings,
  };
}

function examplesOf({ examples, maxOctets }: Target): Buffer[] {
  const { folders = [], front = Buffer.alloc(0) } = examples ?? {};
  return folders
    .flatMap((folder) => globSync("**/*.{txt,toml,eml,rc}", { cwd: folder }).map((file) => path.join(folder, file)))
    .map((file) => Buffer.concat([front, readFileSync(file)]))
    .filter(({ length }) => length <= maxOctets);
}

function dictionary(target: Target, literals: ReadonlySet<string>): Buffer[] {
  return [...new Set([...target.dictionary, ...literals])].map((word) => Buffer.from(word));
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what scripts/fuzz.ts has put there
const task = workerData as WorkerTask;
parentPort?.postMessage(await fuzz(task), []);
