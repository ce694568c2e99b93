import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { open as openDatabase } from "lmdb";
import { describe, expect, it } from "vitest";
import type { MessageId } from "../../src/core/ids.ts";
import { openLmdbStore } from "../../src/spool/lmdb-store.ts";
import { rescueSpool } from "../../src/spool/rescue.ts";
import { defaultSpoolOptions, openSpool, type OwnedSpool } from "../../src/spool/spool.ts";
import { verifySpool } from "../../src/spool/verify.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { draft, EventList, octets, read, seededRandom, stored, TemporaryDirectory } from "./support.ts";

async function open(dir: string): Promise<OwnedSpool> {
  const options = { ...defaultSpoolOptions, dir, maxOctets: 1e12, minFreeOctets: 0, historyDays: 30, ballastOctets: 0 };
  return openSpool(options, { clock: new ManualClock(), random: seededRandom(), events: new EventList() });
}

describe("the store on LMDB", () => {
  it("writes all of a commit or nothing", async () => {
    using dir = new TemporaryDirectory();
    const store = openLmdbStore({ dir: dir.path });
    const value = Buffer.from("x");
    const commit = store.commit([
      { table: "message", key: "a", value },
      { table: "due", key: "k".repeat(3000), value },
    ]);
    await expect(commit).rejects.toThrow(TypeError);
    await store.commit([{ table: "message", key: "b", value }]);
    expect(store.keys("message", "", undefined, 10)).toEqual(["b"]);
    await store.close();
  });

  it("keeps keys in the order of their octets, and empty values", async () => {
    using dir = new TemporaryDirectory();
    const store = openLmdbStore({ dir: dir.path });
    const keys = ["a", "a/b", "a0", "a\u0001", "aä", "ab", "\u0001", " ", "b".repeat(1800)];
    await store.commit(keys.map((key) => ({ table: "ledger" as const, key, value: Buffer.alloc(0) })));
    expect(store.keys("ledger", "", undefined, 100)).toEqual(keys.toSorted());
    expect(store.range("ledger", "a", "b", 3).map(({ key, value }) => [key, value.length])).toEqual([
      ["a", 0],
      ["a\u0001", 0],
      ["a/b", 0],
    ]);
    expect(store.stats("ledger").entries).toBe(keys.length);
    await store.close();
  });

  it("hands out buffers that are the caller's own", async () => {
    using dir = new TemporaryDirectory();
    const store = openLmdbStore({ dir: dir.path });
    await store.commit([
      { table: "chunk", key: "1", value: octets(5000, 1) },
      { table: "chunk", key: "2", value: octets(5000, 2) },
    ]);
    const first = store.get("chunk", "1");
    const [entry] = store.range("chunk", "1", undefined, 1);
    store.get("chunk", "2");
    await store.commit([{ table: "chunk", key: "1", value: octets(5000, 3) }]);
    store.get("chunk", "1");
    expect(first?.equals(octets(5000, 1))).toBe(true);
    expect(entry?.value.equals(octets(5000, 1))).toBe(true);
    await store.close();
  });

  it("that must not be changed is read also when it lacks tables, and cannot be written", async () => {
    using dir = new TemporaryDirectory();
    // A process that died while it made its spool.
    const root = openDatabase<Buffer, string>({ path: dir.path, noSubdir: false, encoding: "binary", maxDbs: 20 });
    await root.openDB<Buffer, string>({ name: "meta", encoding: "binary" }).put("schema", Buffer.from("1"));
    await root.close();
    const store = openLmdbStore({ dir: dir.path, readOnly: true });
    expect(store.get("meta", "schema")?.toString()).toBe("1");
    expect(store.get("message", "a")).toBeUndefined();
    expect(store.keys("due", "", undefined, 10)).toEqual([]);
    expect(store.range("due", "", undefined, 10)).toEqual([]);
    expect(store.stats("chunk")).toEqual({ entries: 0, octets: 0 });
    await expect(store.commit([{ table: "due", key: "a", value: Buffer.from("") }])).rejects.toThrow(/no table due/u);
    await store.close();
    expect(await verifySpool(dir.path)).toMatchObject({ faults: [], messages: 0 });
  });

  it("calls pages that LMDB cannot follow damage", async () => {
    using dir = new TemporaryDirectory();
    const file = path.join(dir.path, "data.mdb");
    const writing = openLmdbStore({ dir: dir.path });
    for (let n = 0; n < 300; n++)
      await writing.commit([{ table: "ledger", key: `key-${n}`, value: octets(300, n + 1) }]);
    await writing.close();
    const content = readFileSync(file);
    // Leaves with entries of ours become pages of no kind; roots are branches by now, and stay.
    for (let page = 2; page * 4096 < content.length; page++) {
      const at = page * 4096;
      if (content.readUInt16LE(at + 18) === 2 && content.subarray(at, at + 4096).includes("key-"))
        content.writeUInt16LE(0, at + 18);
    }
    writeFileSync(file, content);
    const store = openLmdbStore({ dir: dir.path });
    const damage = expect.objectContaining({ code: "SPOOL_DAMAGED" }) as Error;
    expect(() => store.get("ledger", "key-7")).toThrow(damage);
    expect(() => store.range("ledger", "key-7", undefined, 5)).toThrow(damage);
    expect(() => store.keys("ledger", "key-7", undefined, 5)).toThrow(damage);
    await store.close();
  });

  it("is refused as unusable when its file is damaged, instead of crashing", async () => {
    using dir = new TemporaryDirectory();
    writeFileSync(path.join(dir.path, "data.mdb"), octets(20_000));
    await expect(open(dir.path)).rejects.toMatchObject({ code: "SPOOL_UNUSABLE" });
    // And the lock is free again.
    await expect(open(dir.path)).rejects.toThrow(/is damaged/u);
  });

  it("opens a file that was made and not written before the process died", async () => {
    using dir = new TemporaryDirectory();
    writeFileSync(path.join(dir.path, "data.mdb"), "");
    await using spool = await open(dir.path);
    expect(await stored(spool, octets(10))).toMatchObject({ size: 10 });
  });

  it("is refused when a newer popgate wrote it, and left as it is", async () => {
    using dir = new TemporaryDirectory();
    const store = openLmdbStore({ dir: dir.path });
    await store.commit([{ table: "meta", key: "schema", value: Buffer.from("3") }]);
    await store.close();
    await expect(open(dir.path)).rejects.toMatchObject({
      code: "SPOOL_UNUSABLE",
      message: expect.stringContaining("schema version 3") as string,
    });
  });
});

describe("a backup of a running spool", () => {
  it("is a spool as of one moment, compact and whole, while mail goes on", async () => {
    using dir = new TemporaryDirectory();
    const [from, to] = [path.join(dir.path, "spool"), path.join(dir.path, "copy")];
    const bodies = Array.from({ length: 30 }, (_, n) => octets(n * 5000, n + 1));
    const ids: MessageId[] = [];
    await using spool = await open(from);
    for (const body of bodies) ids.push((await stored(spool, body)).id);
    const held = await stored(spool, octets(10), draft({ held: "loop" }));
    const more = async (): Promise<void> => {
      for (let n = 0; n < 20; n++) await stored(spool, octets(50_000, n + 1));
    };
    await Promise.all([spool.backup(to), more()]);
    expect(readdirSync(to)).toEqual(["data.mdb"]);
    expect(statSync(path.join(to, "data.mdb")).mode & 0o777).toBe(0o600);
    expect(await verifySpool(to)).toMatchObject({ faults: [], held: 1, leftovers: 0 });
    await using copy = await open(to);
    expect(await copy.load(held.id)).toEqual(await spool.load(held.id));
    for (const [n, id] of ids.entries()) expect((await read(copy, id)).equals(bodies[n] ?? octets(n))).toBe(true);
    expect(rescueSpool(to, path.join(dir.path, "out"))).toMatchObject({ faults: [], partial: [] });
    await expect(spool.backup(to)).rejects.toMatchObject({ code: "SPOOL_UNUSABLE" });
  });
});
