/**
 * Makes a spool of another schema version: upwards at the start of a newer program, downwards for an older one
 * (`popgate downgrade`).
 *
 *   version 1 ──copy made──▶ "1 to 2" ──steps, batch by batch──▶ version 2
 *
 * Guarantees: before anything is changed, a copy of the whole spool is on the disk, in a directory of its own within the
 * spool's. From the first change to the last the version says `1 to 2`, which every program but one that can go on
 * refuses. A process killed at any moment, or a loss of power, leaves one of these states; the next run goes on from it.
 *
 * Fails with `SpoolError`, and says so when nothing has been changed yet. Whoever calls owns the spool's lock.
 */
import path from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { encode } from "./codec.ts";
import { changeKey, schemaKey, schemaVersion } from "./keys.ts";
import { SpoolError } from "./port.ts";
import { changingText, isSpool, refusalOfNewer, schemaOf, writesOfSchema, type Change } from "./schema.ts";
import { schemaSteps, type SchemaStep } from "./schema-steps.ts";
import { systemFreeOctets } from "./health.ts";
import type { SpoolOptions, SpoolPorts } from "./spool-core.ts";
import { StoreError, tables, type Store, type Write } from "./store.ts";

export interface ChangeOptions extends Pick<SpoolOptions, "dir" | "minFreeOctets" | "program"> {
  readonly target: number;
  readonly withCopy: boolean;
  /** Other steps than the program's own, for specs. */
  readonly steps?: readonly SchemaStep[];
}

export type ChangePorts = Pick<SpoolPorts, "clock" | "events" | "freeOctets">;

export type ChangeResult =
  | { readonly kind: "unchanged" }
  | { readonly kind: "changed"; readonly from: number; readonly copy: string | undefined };

/** A copy has two first pages and a root beyond what its tables use, which is far less. */
const copyAllowance = 1024 * 1024;
const progressEveryMs = 10_000;

/** Does nothing when the spool has the version `target` already. */
export async function changeSchema(store: Store, options: ChangeOptions, ports: ChangePorts): Promise<ChangeResult> {
  const { dir, target, steps = schemaSteps } = options;
  const newest = steps.at(-1)?.to ?? schemaVersion;
  if (!Number.isInteger(target) || target < 1 || target > newest)
    throw new SpoolError("SPOOL_UNUSABLE", `this popgate knows the schema versions 1 to ${newest}, not ${target}`);
  const state = schemaOf(store, newest);
  if (state.kind === "newer") throw refusalOfNewer(dir, state);
  if (state.kind === "none")
    throw new SpoolError("SPOOL_UNUSABLE", `nothing was ever stored in the spool ${dir}: there is nothing to change`);
  const again = state.kind === "changing";
  const version = state.kind === "current" ? newest : state.kind === "older" ? state.version : undefined;
  if (version === target) return { kind: "unchanged" };
  const from = again ? state.change.from : (version ?? target);
  const copy = again ? state.change.copy : options.withCopy ? freeName(dir, target) : undefined;
  const copyPath = copy === undefined ? undefined : path.join(dir, copy);
  ports.events.emit({ kind: "spool-change-started", dir, from, to: target, copy: copyPath, again });
  if (!again && copyPath !== undefined) await makeCopy(store, copyPath, options, ports);
  const reached = again ? startOf(state.change, target) : from;
  const entries = await changeStepwise(
    store,
    { from, to: target, reached, copy, popgate: options.program },
    options,
    ports,
  );
  ports.events.emit({ kind: "spool-changed", dir, from, to: target, entries, copy: copyPath });
  return { kind: "changed", from, copy: copyPath };
}

/** From where a change that was interrupted goes on: the step that may be half done is done again, in either direction. */
function startOf({ to, reached }: Change, target: number): number {
  const other = reached + Math.sign(to - reached);
  return target >= Math.max(reached, other) ? Math.min(reached, other) : Math.max(reached, other);
}

async function changeStepwise(
  store: Store,
  change: Change,
  { dir, steps = schemaSteps, program }: ChangeOptions,
  { clock, events }: ChangePorts,
): Promise<number> {
  const { from, to, copy } = change;
  const up = to > change.reached;
  let entries = 0;
  let tellAt = clock.now() + progressEveryMs;
  let { reached } = change;
  await write(store, dir, marks({ ...change, reached }));
  while (reached !== to) {
    const step = steps.find((one) => one.to === (up ? reached + 1 : reached));
    if (step === undefined) throw new Error(`there is no step at schema version ${reached}`);
    for (const writes of up ? step.up(store) : step.down(store)) {
      await write(store, dir, writes);
      entries += writes.length;
      if (clock.now() >= tellAt) {
        events.emit({ kind: "spool-change-progress", dir, to, entries });
        tellAt = clock.now() + progressEveryMs;
      }
      await nextTurn();
    }
    reached += up ? 1 : -1;
    if (reached !== to) await write(store, dir, marks({ ...change, reached }));
  }
  const about = { popgate: program, since: clock.now(), before: { schema: from, copy } };
  // The last transaction: from here on the spool has the version.
  await write(store, dir, [...writesOfSchema(to, about), { table: "meta", key: changeKey, value: undefined }]);
  return entries;
}

function marks(change: Change): Write[] {
  return [
    { table: "meta", key: schemaKey, value: Buffer.from(changingText(change)) },
    { table: "meta", key: changeKey, value: encode(change) },
  ];
}

async function write(store: Store, dir: string, writes: readonly Write[]): Promise<void> {
  if (writes.length === 0) return;
  try {
    await store.commit(writes);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    throw new SpoolError(
      error.full ? "SPOOL_FULL" : "SPOOL_FAILED",
      `the spool ${dir} cannot be changed to another schema version: ${error.message}. ` +
        "Nothing is lost: the next start goes on with it",
      { cause: error },
    );
  }
}

/** `before-schema-2`; with a number when there is one of an earlier upgrade. */
function freeName(dir: string, target: number): string {
  const name = `before-schema-${target}`;
  if (!isSpool(path.join(dir, name))) return name;
  for (let number = 1; ; number++) {
    if (!isSpool(path.join(dir, `${name}.${number}`))) return `${name}.${number}`;
  }
}

async function makeCopy(store: Store, copy: string, options: ChangeOptions, ports: ChangePorts): Promise<void> {
  const { dir, minFreeOctets } = options;
  const octets = tables.reduce((sum, table) => sum + store.stats(table).octets, 0);
  const free = (ports.freeOctets ?? systemFreeOctets)(dir);
  if (free < octets + copyAllowance + minFreeOctets)
    throw new SpoolError(
      "SPOOL_FULL",
      `the spool ${dir} needs a new schema version, and a copy of it beforehand, for which there is no room: ` +
        `${free} octets are free, the copy needs ${octets + copyAllowance}, and ${minFreeOctets} must stay free ` +
        "(spool.min_free). Nothing has been changed. Make room and start again; or put a copy elsewhere " +
        "(popgate backup of the older popgate, or copy the files while nothing runs) and run " +
        "popgate upgrade --without-copy",
    );
  try {
    await store.backup(copy);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new SpoolError(
      "SPOOL_UNUSABLE",
      `the copy of the spool ${dir} could not be written to ${copy}: ${text}. Nothing has been changed`,
      { cause: error },
    );
  }
  ports.events.emit({ kind: "spool-change-copied", copy, octets });
}
