/**
 * A program for the specs of crashes: stores messages of all sizes, several at a time, and ends some of them, until it is
 * killed. What is durable is said on standard output, each by one write(2).
 *
 *   write-until-killed.ts DIR SEED
 */
import { writeSync } from "node:fs";
import { systemClock } from "../../../src/runtime/clock.ts";
import { defaultSpoolOptions, openSpool } from "../../../src/spool/spool.ts";
import {
  delivered,
  digestOf,
  draft,
  EventList,
  ledgerDraft,
  octets,
  seededRandom,
  store,
} from "../../spool/support.ts";

const [dir = "", seed = "1"] = process.argv.slice(2);
const random = seededRandom(Number(seed));
const options = { ...defaultSpoolOptions, dir, maxOctets: 1e12, minFreeOctets: 0, historyDays: 30, ballastOctets: 0 };
await using spool = await openSpool(
  { ...options, chunkOctets: 65_536 },
  { clock: systemClock, random, events: new EventList() },
);
writeSync(1, "open\n");

const sizes = [10, 3000, 65_536, 200_000, 700_000];
async function writer(number: number): Promise<never> {
  for (let n = 0; ; n++) {
    const size = sizes[Math.floor(random.next() * sizes.length)] ?? 0;
    const body = octets(size, n + 1);
    const uidl = `${seed}-${number}-${n}`;
    const result = await store(spool, body, draft({ messageId: `<${uidl}@x>` }), ledgerDraft(uidl));
    if (result.kind !== "stored") throw new Error("a duplicate");
    writeSync(1, `committed ${result.record.id} ${digestOf(body)} ${uidl}\n`);
    if (random.next() < 0.4) {
      writeSync(1, `ending ${result.record.id}\n`);
      await spool.update(result.record.id, delivered);
      writeSync(1, `ended ${result.record.id}\n`);
    }
  }
}
await Promise.all(Array.from({ length: 8 }, async (_, number) => writer(number)));
