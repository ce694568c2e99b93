/**
 * A program for the specs of the flush: commits messages to a spool, and after each commit says so on standard output by
 * one write(2).
 *
 *   commit-and-mark.ts DIR safe|unsafe sequential|together COUNT OCTETS
 */
import { writeSync } from "node:fs";
import { systemClock, systemRandom } from "../../../src/runtime/clock.ts";
import { Health } from "../../../src/spool/health.ts";
import { openLmdbStore } from "../../../src/spool/lmdb-store.ts";
import { defaultSpoolOptions, openOn } from "../../../src/spool/spool.ts";
import { draft, EventList, octets, store } from "../../spool/support.ts";

const [dir = "", safety = "safe", manner = "sequential", count = "1", size = "1000"] = process.argv.slice(2);
const options = {
  ...defaultSpoolOptions,
  dir,
  maxOctets: 1e12,
  minFreeOctets: 0,
  historyDays: 30,
  ballastOctets: 0,
  chunkOctets: 65_536,
};
const ports = { clock: systemClock, random: systemRandom, events: new EventList() };
const disk = openLmdbStore({ dir, unsafeNoSync: safety === "unsafe" });
await using spool = await openOn(disk, new Health(dir, options, ports), options, ports);

const body = octets(Number(size));
async function one(): Promise<void> {
  const result = await store(spool, body, draft());
  if (result.kind === "stored") writeSync(1, `committed ${result.record.id}\n`);
}

writeSync(1, "begin\n");
if (manner === "together") await Promise.all(Array.from({ length: Number(count) }, one));
else for (let n = 0; n < Number(count); n++) await one();
writeSync(1, "end\n");
