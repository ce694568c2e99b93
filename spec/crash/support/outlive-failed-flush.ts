/**
 * A program for the spec of failing flushes: commits messages, TOGETHER at a time, until COUNT are stored, waiting for
 * the spool to be well again after each refusal. Says what became of each, and whether those of one flush fared alike.
 *
 *   outlive-failed-flush.ts DIR COUNT TOGETHER
 */
import { writeSync } from "node:fs";
import { systemClock, systemRandom } from "../../../src/runtime/clock.ts";
import { defaultSpoolOptions, openSpool } from "../../../src/spool/spool.ts";
import { draft, EventList, octets } from "../../spool/support.ts";

const [dir = "", count = "1", together = "1"] = process.argv.slice(2);
const clock = {
  now: () => systemClock.now(),
  sleep: async (ms: number, signal: AbortSignal) => systemClock.sleep(ms / 500, signal),
};
const options = { ...defaultSpoolOptions, dir, maxOctets: 1e12, minFreeOctets: 0, historyDays: 30, ballastOctets: 0 };
await using spool = await openSpool(options, { clock, random: systemRandom, events: new EventList() });

async function one(size: number): Promise<boolean> {
  await using ingest = spool.begin();
  try {
    await ingest.write(octets(size));
    await ingest.commit(draft(), undefined);
    writeSync(1, `committed ${ingest.id}\n`);
    return true;
  } catch {
    writeSync(1, `refused ${ingest.id} ${spool.health().kind}\n`);
    // Nothing of it is to be seen, also before a restart.
    if ((await spool.load(ingest.id)) !== undefined) throw new Error("it is there all the same");
    return false;
  }
}

for (let stored = 0; stored < Number(count);) {
  if (spool.health().kind !== "ok") {
    await systemClock.sleep(5, AbortSignal.timeout(60_000));
    continue;
  }
  // Begun in one turn: small messages of one turn are one transaction.
  const results = await Promise.all(Array.from({ length: Number(together) }, async () => one(2000)));
  stored += results.filter(Boolean).length;
  writeSync(1, `alike ${String(new Set(results).size === 1)}\n`);
}
