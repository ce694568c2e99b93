/**
 * A program for the specs of upgrades: changes the spool in a directory to schema version 4 (two steps beyond this
 * program's, each of which touches every message), and says on standard output how far it is, until it is killed or done.
 *
 *   upgrade-until-killed.ts DIR TARGET
 */
import { writeSync } from "node:fs";
import { systemClock } from "../../../src/runtime/clock.ts";
import { openLmdbStore } from "../../../src/spool/lmdb-store.ts";
import { lockSpool } from "../../../src/spool/lock.ts";
import { changeSchema } from "../../../src/spool/schema-change.ts";
import type { Store } from "../../../src/spool/store.ts";
import { longerSteps } from "../../spool/schema-step-of-spec.ts";

const [dir = "", target = "4"] = process.argv.slice(2);
using _lock = lockSpool(dir);
const store = openLmdbStore({ dir });
/** Says so before and after each transaction. */
const telling: Store = {
  get: (table, key) => store.get(table, key),
  range: (table, from, to, limit) => store.range(table, from, to, limit),
  keys: (table, from, to, limit) => store.keys(table, from, to, limit),
  stats: (table) => store.stats(table),
  backup: async (copy) => store.backup(copy),
  close: async () => store.close(),
  async commit(writes) {
    writeSync(1, "commit\n");
    await store.commit(writes);
    writeSync(1, "committed\n");
  },
};
const events = { emit: ({ kind }: { readonly kind: string }) => void writeSync(1, `${kind}\n`) };
await changeSchema(
  telling,
  { dir, target: Number(target), minFreeOctets: 0, program: "10.0.0", withCopy: true, steps: longerSteps },
  { clock: systemClock, events },
);
await store.close();
writeSync(1, "done\n");
