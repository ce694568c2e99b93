import { existsSync, readdirSync, statSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { defaultSpoolOptions, openSpool } from "../../src/spool/spool.ts";
import { StoreError, type Write } from "../../src/spool/store.ts";
import { verifyStore } from "../../src/spool/verify.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { MemoryStore, openMemorySpool, type StoreFaults } from "../fakes/memory-spool.ts";
import {
  account,
  delivered,
  draft,
  EventList,
  ledgerEntry,
  octets,
  read,
  seededRandom,
  store,
  stored,
  TemporaryDirectory,
} from "./support.ts";

const ioError = () => new StoreError("Input/output error", false);
const noSpace = () => new StoreError("No space left on device", true);

async function memory(options = {}) {
  const faults: StoreFaults = {};
  const disk = new MemoryStore(faults);
  const events = new EventList();
  const clock = new ManualClock();
  const spool = await openMemorySpool({ clock, random: seededRandom(), events }, disk, options);
  return { faults, disk, events, clock, spool };
}

describe("a write that fails", () => {
  it("refuses the message, and everything new until a probe has been written", async () => {
    await using stack = new AsyncDisposableStack();
    const { spool, faults, events, clock, disk } = await memory();
    stack.use(spool);
    faults.onCommit = ioError;
    await expect(store(spool, octets(10))).rejects.toMatchObject({ code: "SPOOL_FAILED" });
    expect(spool.health()).toEqual({ kind: "failed", detail: "Input/output error" });
    expect(() => spool.begin()).toThrow(expect.objectContaining({ code: "SPOOL_FAILED" }));
    await clock.advance(20_000);
    expect(spool.health().kind).toBe("failed");
    faults.onCommit = undefined;
    await clock.advance(6000);
    expect(spool.health()).toEqual({ kind: "ok" });
    await stored(spool, octets(10));
    expect(events.kinds.filter((kind) => kind.startsWith("spool-"))).toEqual([
      "spool-opened",
      "spool-failed",
      "spool-recovered",
    ]);
    expect((await verifyStore(disk)).faults).toEqual([]);
  });

  it("in the middle of a long message refuses it and leaves nothing that counts", async () => {
    await using stack = new AsyncDisposableStack();
    const { spool, faults, disk } = await memory({ chunkOctets: 1000 });
    stack.use(spool);
    let commits = 0;
    faults.onCommit = () => ((commits += 1) === 3 ? ioError() : undefined);
    await expect(store(spool, octets(60_000))).rejects.toMatchObject({ code: "SPOOL_FAILED" });
    expect(await spool.list(undefined, 9)).toEqual([]);
    expect(disk.stats("chunk").entries).toBe(0);
    expect(disk.stats("ingest").entries).toBe(0);
  });

  it("at the record alone refuses it too", async () => {
    await using stack = new AsyncDisposableStack();
    const { spool, faults, disk } = await memory({ chunkOctets: 1000 });
    stack.use(spool);
    faults.onCommit = (writes) => (writes.some(({ table }) => table === "message") ? ioError() : undefined);
    await expect(store(spool, octets(5000))).rejects.toMatchObject({ code: "SPOOL_FAILED" });
    expect(disk.stats("chunk").entries).toBe(0);
    expect(disk.stats("ledger").entries).toBe(0);
  });

  it("does not keep an outcome from being tried: it would be a mail delivered twice", async () => {
    await using stack = new AsyncDisposableStack();
    const { spool, faults } = await memory();
    stack.use(spool);
    const { id } = await stored(spool, octets(10));
    faults.onCommit = ioError;
    await expect(spool.update(id, delivered)).rejects.toMatchObject({ code: "SPOOL_FAILED" });
    expect(await spool.load(id)).toMatchObject({ recipients: [{ state: { kind: "queued" } }] });
    faults.onCommit = undefined;
    await spool.update(id, delivered);
    // What was written shows that the spool is well again.
    expect(spool.health()).toEqual({ kind: "ok" });
  });

  it("makes a copy that waited for the failed one take its place", async () => {
    await using stack = new AsyncDisposableStack();
    const { spool, faults } = await memory();
    stack.use(spool);
    let commits = 0;
    faults.onCommit = () => ((commits += 1) === 1 ? ioError() : undefined);
    const once = "content-and-recipient" as const;
    const [first, second] = await Promise.allSettled([
      store(spool, octets(1), draft({ content: "one" }), undefined, once),
      store(spool, octets(1), draft({ content: "one" }), undefined, once),
    ]);
    expect(first.status).toBe("rejected");
    expect(second).toMatchObject({ status: "fulfilled", value: { kind: "stored" } });
  });

  it("of the ledger rejects and is told", async () => {
    await using stack = new AsyncDisposableStack();
    const { spool, faults } = await memory();
    stack.use(spool);
    faults.onCommit = ioError;
    await expect(spool.put(account(), [ledgerEntry("1")])).rejects.toMatchObject({ code: "SPOOL_FAILED" });
    expect(await spool.entries(account())).toEqual([]);
  });
});

describe("a disk without room", () => {
  it("refuses what is new, and tries outcomes a second time with the ballast given up", async () => {
    await using stack = new AsyncDisposableStack();
    const { spool, faults, events } = await memory();
    stack.use(spool);
    const { id } = await stored(spool, octets(10));
    let commits = 0;
    faults.onCommit = () => ((commits += 1) === 1 ? noSpace() : undefined);
    await spool.update(id, delivered);
    expect(await spool.history(id)).toBeDefined();
    expect(events.of("spool-full")).toHaveLength(1);
  });

  it("is full until a probe has been written, whatever its free space says", async () => {
    await using stack = new AsyncDisposableStack();
    const { spool, faults, clock, events } = await memory();
    stack.use(spool);
    faults.onCommit = noSpace;
    await expect(store(spool, octets(10))).rejects.toMatchObject({ code: "SPOOL_FULL" });
    expect(() => spool.begin()).toThrow(expect.objectContaining({ code: "SPOOL_FULL" }));
    await clock.advance(20_000);
    expect(spool.health().kind).toBe("full");
    faults.onCommit = undefined;
    await clock.advance(6000);
    expect(spool.health().kind).toBe("ok");
    expect(events.of("spool-full")).toHaveLength(1);
  });

  it("is also one that cannot be asked: nothing new, until it answers", async () => {
    using dir = new TemporaryDirectory();
    let gone = false;
    const freeOctets = (): number => {
      if (gone) throw new Error("ENOENT: no such file or directory, statfs");
      return 1e9;
    };
    const clock = new ManualClock();
    await using spool = await openSpool(
      { ...defaultSpoolOptions, dir: dir.path, maxOctets: 1e12, minFreeOctets: 1, historyDays: 1, ballastOctets: 0 },
      { clock, random: seededRandom(), events: new EventList(), freeOctets },
    );
    gone = true;
    clock.set(clock.now() + 1000);
    expect(() => spool.begin()).toThrow(expect.objectContaining({ code: "SPOOL_FULL" }));
    expect(spool.health()).toMatchObject({ kind: "full", detail: expect.stringContaining("ENOENT") as string });
    gone = false;
    await clock.advance(10_000);
    expect(spool.health()).toEqual({ kind: "ok" });
  });

  it("is known before a message is taken in, and while a long one comes", async () => {
    using dir = new TemporaryDirectory();
    let free = 100_000_000;
    const events = new EventList();
    const clock = new ManualClock();
    await using spool = await openSpool(
      {
        ...defaultSpoolOptions,
        dir: dir.path,
        maxOctets: 1e12,
        minFreeOctets: 1_000_000,
        historyDays: 1,
        ballastOctets: 0,
      },
      { clock, random: seededRandom(), events, freeOctets: () => free },
    );
    const kept = await stored(spool, octets(10));
    {
      await using ingest = spool.begin();
      await ingest.write(octets(500_000));
      free = 999_999;
      clock.set(clock.now() + 1000);
      await expect(ingest.write(octets(1_000_000))).rejects.toMatchObject({ code: "SPOOL_FULL" });
      await expect(ingest.commit(draft(), undefined)).rejects.toMatchObject({ code: "SPOOL_FULL" });
    }
    expect(() => spool.begin()).toThrow(expect.objectContaining({ code: "SPOOL_FULL" }));
    expect(spool.health()).toMatchObject({ kind: "full" });
    // What is stored goes on being delivered.
    expect((await read(spool, kept.id)).length).toBe(10);
    await spool.update(kept.id, delivered);
    free = 1_000_001;
    await clock.advance(10_000);
    // Also when nobody asks to put anything in.
    expect(spool.health()).toEqual({ kind: "ok" });
    await stored(spool, octets(10));
  });

  it("can be the configured limit of all bodies", async () => {
    await using stack = new AsyncDisposableStack();
    const { spool } = await memory({ maxOctets: 100_000 });
    stack.use(spool);
    const first = await stored(spool, octets(90_000));
    await using underWay = spool.begin();
    await underWay.write(octets(20_000));
    expect(() => spool.begin()).toThrow(expect.objectContaining({ code: "SPOOL_FULL" }));
    await underWay[Symbol.asyncDispose]();
    await spool.update(first.id, delivered);
    await spool.maintain();
    await stored(spool, octets(90_000));
  });
});

describe("the ballast", () => {
  it("lies in the directory, goes when a commit finds no room, and comes back with the room", async () => {
    using dir = new TemporaryDirectory();
    const file = path.join(dir.path, "ballast");
    let free = 1e9;
    const options = {
      ...defaultSpoolOptions,
      dir: dir.path,
      maxOctets: 1e12,
      minFreeOctets: 1000,
      historyDays: 1,
      ballastOctets: 3_000_000,
    };
    const ports = { clock: new ManualClock(), random: seededRandom(), events: new EventList(), freeOctets: () => free };
    {
      await using _spool = await openSpool(options, ports);
      expect(statSync(file)).toMatchObject({ size: 3_000_000 });
      expect(statSync(file).blocks * 512).toBeGreaterThanOrEqual(3_000_000);
    }
    const { Health } = await import("../../src/spool/health.ts");
    const health = new Health(dir.path, options, ports);
    free = 0;
    expect(health.failed(new StoreError("Input/output error", false), 0)).toMatchObject({ code: "SPOOL_FULL" });
    expect(existsSync(file)).toBe(false);
    health.restoreBallast();
    expect(existsSync(file)).toBe(false);
    free = 1e9;
    health.restoreBallast();
    expect(existsSync(file)).toBe(true);
  });
});

it("files of the spool are for its owner only", async () => {
  using dir = new TemporaryDirectory();
  const spoolDir = path.join(dir.path, "spool");
  await using spool = await openSpool(
    { ...defaultSpoolOptions, dir: spoolDir, maxOctets: 1e12, minFreeOctets: 0, historyDays: 1 },
    { clock: new ManualClock(), random: seededRandom(), events: new EventList() },
  );
  await stored(spool, octets(10));
  expect(statSync(spoolDir).mode & 0o777).toBe(0o700);
  for (const name of readdirSync(spoolDir))
    expect([name, statSync(path.join(spoolDir, name)).mode & 0o077]).toEqual([name, 0]);
});

it("faults in any order leave a sound spool, and nothing acknowledged is lost", async () => {
  const random = seededRandom(7);
  const faults: StoreFaults = {};
  const disk = new MemoryStore(faults);
  const kept = new Map<string, Buffer>();
  for (let round = 0; round < 30; round++) {
    const clock = new ManualClock(1_800_000_000_000 + round * 60_000);
    faults.onCommit = undefined;
    const spool = await openMemorySpool({ clock, random, events: new EventList() }, disk, { chunkOctets: 1000 });
    const dice = (writes: readonly Write[]) => (writes.length > 0 && random.next() < 0.3 ? ioError() : undefined);
    faults.onCommit = dice;
    await Promise.all(
      Array.from({ length: 10 }, async (_, n) => {
        const body = octets(Math.floor(random.next() * 5000), round * 100 + n + 1);
        const result = await store(spool, body, draft({ messageId: `<${round}.${n}@x>` })).catch(() => undefined);
        if (result?.kind === "stored") kept.set(result.record.id, body);
      }),
    );
    for (const { id } of await spool.list(undefined, 2)) {
      const ended = await spool.update(id, delivered).catch(() => undefined);
      if (ended !== undefined) kept.delete(id);
    }
    await spool[Symbol.asyncDispose]();
    faults.onCommit = undefined;
  }
  await using spool = await openMemorySpool({ clock: new ManualClock(), random, events: new EventList() }, disk, {
    chunkOctets: 1000,
  });
  await spool.maintain();
  expect(await verifyStore(disk)).toMatchObject({ faults: [], leftovers: 0, messages: kept.size });
  expect(kept.size).toBeGreaterThan(10);
  for (const { id } of await spool.list(undefined, 10_000))
    expect((await read(spool, id)).equals(kept.get(id)!)).toBe(true);
});
