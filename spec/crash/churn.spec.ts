import { statSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import type { MessageId } from "../../src/core/ids.ts";
import { systemClock, systemRandom } from "../../src/runtime/clock.ts";
import { defaultSpoolOptions, openSpool, type OwnedSpool } from "../../src/spool/spool.ts";
import { verifySpool } from "../../src/spool/verify.ts";
import { delivered, EventList, octets, read, seededRandom, stored, TemporaryDirectory } from "../spool/support.ts";

const live = 50;
const perPhase = 500;
const largest = 150_000;

it("mail in and out levels off in size, every body whole, and readers that were left behind hold nothing back", async () => {
  using dir = new TemporaryDirectory();
  const options = {
    ...defaultSpoolOptions,
    dir: dir.path,
    maxOctets: 1e12,
    minFreeOctets: 0,
    historyDays: 0,
    ballastOctets: 0,
  };
  const random = seededRandom(11);
  const bodies = new Map<MessageId, Buffer>();
  const sizes: number[] = [];
  const fileSize = (): number => statSync(path.join(dir.path, "data.mdb")).size;
  {
    await using spool = await openSpool(options, { clock: systemClock, random: systemRandom, events: new EventList() });
    for (let phase = 0; phase < 4; phase++) {
      for (let n = 0; n < perPhase; n += 10) {
        const fresh = Array.from({ length: 10 }, () => octets(Math.floor(random.next() * largest), n + 1));
        const records = await Promise.all(fresh.map(async (body) => stored(spool, body)));
        records.forEach(({ id }, at) => bodies.set(id, fresh[at] ?? Buffer.alloc(0)));
        // Somebody begins to read and never comes back.
        const abandoned = spool.body(records[0]?.id ?? ("" as MessageId));
        await abandoned[Symbol.asyncIterator]().next();
        await deliverBeyond(spool, bodies);
      }
      await spool.maintain();
      sizes.push(fileSize());
    }
  }
  const [first = 0, ...later] = sizes;
  const allOctets = 4 * perPhase * (largest / 2);
  for (const size of later) expect(size).toBeLessThanOrEqual(first * 1.5);
  expect(first).toBeLessThan(allOctets / 4);
  expect(await verifySpool(dir.path)).toMatchObject({ faults: [], messages: live, leftovers: 0, history: 0 });
}, 60_000);

/** Hands the oldest over until `live` are left, reading each as delivery does. */
async function deliverBeyond(spool: OwnedSpool, bodies: Map<MessageId, Buffer>): Promise<void> {
  const over = [...bodies].slice(0, Math.max(0, bodies.size - live));
  await Promise.all(
    over.map(async ([id, body]) => {
      expect((await read(spool, id)).equals(body)).toBe(true);
      await spool.update(id, delivered);
      bodies.delete(id);
    }),
  );
}
