/**
 * A program for the specs of the full disk: fills a spool until it takes nothing more, then shows that what is stored is
 * still read, delivered and ended, and that there is room again afterwards. Says what it sees, and at the end `sound`.
 * Time passes quickly here: the pauses between probes are cut to hundredths of a second.
 *
 *   fill-disk.ts DIR BALLAST-OCTETS
 */
import { writeSync } from "node:fs";
import type { MessageId } from "../../../src/core/ids.ts";
import { SpoolError } from "../../../src/spool/port.ts";
import { systemClock, systemRandom } from "../../../src/runtime/clock.ts";
import { defaultSpoolOptions, openSpool } from "../../../src/spool/spool.ts";
import { delivered, EventList, octets, read, store } from "../../spool/support.ts";

const [dir = "", ballast = "0"] = process.argv.slice(2);
const say = (text: string): void => void writeSync(1, `${text}\n`);
const clock = {
  now: () => systemClock.now(),
  sleep: async (ms: number, signal: AbortSignal) => systemClock.sleep(ms / 500, signal),
};
const options = {
  ...defaultSpoolOptions,
  dir,
  maxOctets: 1e12,
  minFreeOctets: 0,
  historyDays: 30,
  chunkOctets: 65_536,
};
const events = new EventList();
{
  await using spool = await openSpool(
    { ...options, ballastOctets: Number(ballast) },
    { clock, random: systemRandom, events },
  );
  const body = octets(100_000);
  const ids: MessageId[] = [];
  const refusals = new Set<string>();
  const fill = async (): Promise<void> => {
    for (let failures = 0; failures < 3;) {
      // Several at a time: those of one flush fail together.
      const results = await Promise.allSettled(Array.from({ length: 4 }, async () => store(spool, body)));
      for (const result of results) {
        if (result.status === "fulfilled" && result.value.kind === "stored") ids.push(result.value.record.id);
        if (result.status === "rejected") {
          if (!(result.reason instanceof SpoolError)) throw result.reason;
          failures += 1;
          refusals.add(result.reason.code);
        }
      }
    }
  };
  await fill();
  say(`stored ${ids.length}`);
  say(`refused ${[...refusals].toSorted().join(" ")}`);

  const whole = await Promise.all(ids.map(async (id) => (await read(spool, id)).equals(body)));
  say(`whole ${whole.filter(Boolean).length}`);

  // Mail is handed over and written down as such, although the disk is full.
  let ended = 0;
  for (const id of ids.slice(0, ids.length / 2)) {
    await spool.update(id, delivered);
    ended += 1;
  }
  say(`ended ${ended}`);
  await spool.maintain();
  for (let tries = 0; tries < 500 && spool.health().kind !== "ok"; tries++)
    await systemClock.sleep(10, AbortSignal.timeout(60_000));
  say(`health ${spool.health().kind}`);
  const again = await store(spool, body);
  say(`again ${again.kind}`);
}
say(`events ${events.kinds.filter((kind) => kind.startsWith("spool-")).join(" ")}`);
say("sound");
