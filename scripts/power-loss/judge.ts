/**
 * Opens states of the disk as a start after the loss of power would, and says of each what is wrong with it. A process of
 * its own: a file that LMDB does not bear ends it.
 *
 *   judge.ts RECORDING FIRST LAST DIR     (numbers of planned states)
 *
 * Prints one JSON line when it begins a state and one when it is done with it.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import path from "node:path";
import { deserialize } from "node:v8";
import { parseAccountName, parseMessageId, type AccountName } from "../../src/core/ids.ts";
import { systemClock, systemRandom } from "../../src/runtime/clock.ts";
import { dataFile } from "../../src/spool/page-layout.ts";
import { openLmdbStore } from "../../src/spool/lmdb-store.ts";
import { schemaOf } from "../../src/spool/schema.ts";
import { openSpool, type OwnedSpool } from "../../src/spool/spool.ts";
import { verifySpool } from "../../src/spool/verify.ts";
import { messageOf } from "../../src/core/thrown.ts";
import { Chance } from "../torture/chance.ts";
import { Disk, type DiskState } from "./disk.ts";
import { Expectation } from "./expectation.ts";
import { stateOf } from "./mark.ts";
import type { Job } from "./job.ts";
import type { PlannedState } from "./plan.ts";
import { quiet, spoolOptions } from "./spool-options.ts";

/** `lost`: acknowledged, and not there. `half`: what is there does not fit together. `unopenable`: a start fails. */
export interface Finding {
  readonly kind: "lost" | "half" | "unopenable";
  readonly detail: string;
}

const [recordingFile = "", first = "0", last = "0", dir = ""] = process.argv.slice(2);
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by power-loss.ts
const { recording, plan, kept } = deserialize(readFileSync(recordingFile)) as Job;
const box = accountNamed("box");
const own = accountNamed("judge");

const never = new AbortController().signal;

function accountNamed(name: string): AccountName {
  const account = parseAccountName(name);
  if (account === undefined) throw new TypeError(name);
  return account;
}

function say(line: unknown): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}

const disk = new Disk(recording.beginning);
const expected = new Expectation();
for (const [index, state] of plan.entries()) {
  if (index > Number(last)) break;
  for (const step of recording.steps.slice(disk.steps, state.steps)) {
    disk.apply(step);
    if (step.kind === "mark") expected.note(step.text);
  }
  if (index < Number(first)) continue;
  say({ begun: index });
  say({ done: index, findings: await judge(state) });
}

async function judge({ keeping, seed }: PlannedState): Promise<Finding[]> {
  lay(disk.state(keeping, new Chance(seed)));
  const findings: Finding[] = [];
  const spool = path.join(dir, "spool");
  const copies = copiesIn(dir);
  for (const copy of expected.copies)
    if (!copies.includes(copy)) findings.push({ kind: "lost", detail: `the copy ${copy} is not there` });
  // Half a copy must not look like a whole one.
  for (const copy of copies) findings.push(...(await verified(path.join(dir, copy), `the copy ${copy}`)));
  try {
    if (kept.length > 0 && copies.length === 0 && (await isChanged(spool)))
      findings.push({ kind: "lost", detail: "the spool is being changed, and there is no copy of before" });
    const limits = spoolOptions(spool);
    await using open = await openSpool(limits, { clock: systemClock, random: systemRandom, events: quiet });
    findings.push(...(await missing(open)));
    const { inconsistencies } = await open.audit(never);
    for (const { id, detail } of inconsistencies) findings.push({ kind: "half", detail: `audit: ${id}: ${detail}` });
    // It is not only there, it works.
    await open.putState(own, { at: seed });
  } catch (error) {
    return [...findings, { kind: "unopenable", detail: messageOf(error) }];
  }
  findings.push(...(await verified(spool, "the spool")));
  return findings;
}

/** True from the first change to another schema version on. */
async function isChanged(spool: string): Promise<boolean> {
  const store = openLmdbStore({ dir: spool, readOnly: true });
  try {
    return schemaOf(store).kind !== "older";
  } finally {
    await store.close();
  }
}

/** What was acknowledged and is not as it was. */
async function missing(spool: OwnedSpool): Promise<Finding[]> {
  const lost: string[] = [];
  const uidls = new Map((await spool.entries(box)).map((entry) => [entry.uidl, entry]));
  for (const [text, { digest, uidl, states }] of expected.messages) {
    const id = parseMessageId(text);
    if (id === undefined) throw new TypeError(text);
    const record = (await spool.load(id)) ?? (await spool.history(id));
    const entry = uidls.get(uidl);
    if (record === undefined) lost.push(`message ${id} (${states.join(" | ")})`);
    else if (record.digest !== digest) lost.push(`message ${id} has another digest`);
    else if (!states.includes(stateOf(record)))
      lost.push(`message ${id} is "${stateOf(record)}", was "${states.join('" or "')}"`);
    if (entry?.messageId !== id || entry.digest !== digest) lost.push(`the ledger's entry ${uidl}`);
    // Octets of what is still in the queue are compared by `verifySpool` below.
  }
  for (const { id, digest } of kept) {
    const known = parseMessageId(id);
    const record = known === undefined ? undefined : ((await spool.load(known)) ?? (await spool.history(known)));
    if (record?.digest !== digest) lost.push(`message ${id}, which was there before`);
  }
  const value = valueOf(await spool.state(box));
  const { least, most } = expected.remembered;
  if (most > 0 && (value < least || value > most))
    lost.push(`the account remembers ${value}, and was told ${least} to ${most}`);
  return lost.map((detail) => ({ kind: "lost", detail }));
}

function valueOf(state: unknown): number {
  const value: unknown = typeof state === "object" && state !== null && "value" in state ? state.value : 0;
  return typeof value === "number" ? value : Number.NaN;
}

async function verified(where: string, what: string): Promise<Finding[]> {
  try {
    const { faults } = await verifySpool(where);
    const found = faults.map(({ where: at, detail }) => `${what}: ${at}: ${detail}`);
    return found.map((detail) => ({ kind: "half", detail }));
  } catch (error) {
    return [{ kind: "unopenable", detail: `${what}: ${messageOf(error)}` }];
  }
}

function lay({ directories, files }: DiskState): void {
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  for (const directory of directories) mkdirSync(path.join(dir, directory), { recursive: true });
  for (const { path: file, octets } of files) writeFileSync(path.join(dir, file), octets);
}

/** Directories that look like whole copies of a spool. */
function copiesIn(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((name) => path.basename(name) === dataFile && path.dirname(name) !== "spool")
    .map((name) => path.dirname(name))
    .filter((name) => path.basename(name) !== "unfinished");
}
