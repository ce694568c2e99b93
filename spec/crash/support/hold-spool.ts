/** A program that opens the spool in a directory, says so, and keeps it until it is killed or its input ends. */
import { writeSync } from "node:fs";
import { systemClock, systemRandom } from "../../../src/runtime/clock.ts";
import { defaultSpoolOptions, openSpool } from "../../../src/spool/spool.ts";
import { EventList } from "../../spool/support.ts";

const [dir = ""] = process.argv.slice(2);
const options = { ...defaultSpoolOptions, dir, maxOctets: 1e12, minFreeOctets: 0, historyDays: 30, ballastOctets: 0 };
await using _spool = await openSpool(options, { clock: systemClock, random: systemRandom, events: new EventList() });
writeSync(1, "open\n");
for await (const _ of process.stdin);
