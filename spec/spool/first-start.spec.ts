import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/runtime/clock.ts";
import { openLmdbStore } from "../../src/spool/lmdb-store.ts";
import { defaultSpoolOptions, openSpool, type OwnedSpool } from "../../src/spool/spool.ts";
import { EventList, octets, seededRandom, stored, TemporaryDirectory } from "./support.ts";

const page = 4096;

async function open(dir: string): Promise<OwnedSpool> {
  const limits = { maxOctets: 1e12, minFreeOctets: 0, historyDays: 30, ballastOctets: 0 };
  const ports = { clock: systemClock, random: seededRandom(), events: new EventList() };
  return openSpool({ ...defaultSpoolOptions, ...limits, dir }, ports);
}

describe("a file whose making lost its power before anything was flushed", () => {
  /** The first pages of a new file: two of which say what is in it, and the root of the first table. */
  async function beginning(dir: string): Promise<Buffer> {
    await openLmdbStore({ dir }).close();
    const octetsOfFile = readFileSync(path.join(dir, "data.mdb")).subarray(0, 3 * page);
    // Both are of no transaction yet.
    for (const at of [0, page]) octetsOfFile.writeBigUInt64LE(0n, at + 152);
    return octetsOfFile;
  }

  it.each<[string, (file: Buffer) => Buffer]>([
    ["is of zeros only", (file) => file.fill(0)],
    ["has the root, and nothing before it", (file) => file.fill(0, 0, 2 * page)],
    ["has the first page only", (file) => file.subarray(0, page)],
    ["has its first sector lost", (file) => file.fill(0, 0, 512).subarray(0, 2 * page)],
    ["has the sectors of one page lost", (file) => file.fill(0, page, 2 * page)],
  ])("that %s is begun anew", async (_, left) => {
    using dir = new TemporaryDirectory();
    writeFileSync(path.join(dir.path, "data.mdb"), left(await beginning(dir.path)));
    await using spool = await open(dir.path);
    expect(await stored(spool, octets(10))).toMatchObject({ size: 10 });
  });

  it.each([1, 2, 3])("is not confused with a spool that was cut short to %i page(s)", async (pages) => {
    using dir = new TemporaryDirectory();
    {
      await using spool = await open(dir.path);
      await stored(spool, octets(10));
    }
    const file = path.join(dir.path, "data.mdb");
    truncateSync(file, pages * page);
    await expect(open(dir.path)).rejects.toMatchObject({ code: "SPOOL_UNUSABLE" });
    expect(readFileSync(file)).toHaveLength(pages * page);
  });
});
