/**
 * A program for the spec of failing flushes: commits messages one after the other until COUNT are stored, waiting for the
 * spool to be well again after each refusal. Says what became of each.
 *
 *   outlive-failed-flush.ts DIR COUNT
 */
import { writeSync } from "node:fs";
import { systemClock, systemRandom } from "../../../src/runtime/clock.ts";
import { defaultSpoolOptions, openSpool } from "../../../src/spool/spool.ts";
import { draft, EventList, octets } from "../../spool/support.ts";

const [dir = "", count = "1"] = process.argv.slice(2);
const clock = {
  now: () => systemClock.now(),
  sleep: async (ms: number, signal: AbortSignal) => systemClock.sleep(ms / 500, signal),
};
const options = { ...defaultSpoolOptions, dir, maxOctets: 1e12, minFreeOctets: 0, historyDays: 30, ballastOctets: 0 };
await using spool = await openSpool(options, { clock, random: systemRandom, events: new EventList() });
for (let stored = 0; stored < Number(count);) {
  if (spool.health().kind !== "ok") {
    await systemClock.sleep(5, AbortSignal.timeout(60_000));
    continue;
  }
  await using ingest = spool.begin();
  try {
    await ingest.write(octets(2000));
    await ingest.commit(draft(), undefined);
    stored += 1;
    writeSync(1, `committed ${ingest.id}\n`);
  } catch {
    writeSync(1, `refused ${ingest.id} ${spool.health().kind}\n`);
    // Nothing of it is to be seen, also before a restart.
    if ((await spool.load(ingest.id)) !== undefined) throw new Error("it is there all the same");
  }
}
