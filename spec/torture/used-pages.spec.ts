/** What a soak run counts in the spool's file follows what is stored there. */
import path from "node:path";
import { expect, it } from "vitest";
import { usedPages } from "../../scripts/soak/used-pages.ts";
import { dataFile } from "../../src/spool/page-layout.ts";
import { defaultSpoolOptions, openSpool } from "../../src/spool/spool.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { EventList, octets, seededRandom, stored, TemporaryDirectory } from "../spool/support.ts";

it("pages come into use with what is stored, and are those of the file", async () => {
  using dir = new TemporaryDirectory();
  const ports = { clock: new ManualClock(), random: seededRandom(), events: new EventList() };
  await using spool = await openSpool(
    {
      ...defaultSpoolOptions,
      dir: dir.path,
      maxOctets: 1e9,
      minFreeOctets: 0,
      historyDays: 30,
      ballastOctets: 0,
    },
    ports,
  );
  const file = path.join(dir.path, dataFile);
  const before = usedPages(file);
  expect(before).toBeGreaterThan(2);
  await stored(spool, octets(1_000_000));
  const after = usedPages(file);
  // A million octets on pages of 4,096, and what belongs to a message beside its body.
  expect(after - before).toBeGreaterThan(1_000_000 / 4096);
  expect(after - before).toBeLessThan(300);
});
