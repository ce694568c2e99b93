import { describe, expect, it } from "vitest";
import type { MessageId } from "../../src/core/ids.ts";
import type { OwnedSpool } from "../../src/spool/spool.ts";
import { StoreError, type Write } from "../../src/spool/store.ts";
import { verifyStore } from "../../src/spool/verify.ts";
import { JumpingClock } from "../fakes/jumping-clock.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { MemoryStore, openMemorySpool, type StoreFaults } from "../fakes/memory-spool.ts";
import {
  account,
  delivered,
  draft,
  dueIds,
  EventList,
  ledgerEntry,
  octets,
  read,
  seededRandom,
  store,
  stored,
} from "./support.ts";

const dayMs = 86_400_000;
const nothing = Buffer.alloc(0);

function world() {
  const faults: StoreFaults = {};
  const disk = new MemoryStore(faults);
  const clock = new ManualClock();
  const events = new EventList();
  const open = async (): Promise<OwnedSpool> =>
    openMemorySpool({ clock, random: seededRandom(), events }, disk, { chunkOctets: 1000 });
  return { faults, disk, clock, events, open };
}

describe("the start of a spool", () => {
  it("sweeps everything that was left unfinished, however much it is", async () => {
    const { disk, events, open } = world();
    const ids = Array.from({ length: 250 }, (_, n) => String(n).padStart(14, "0"));
    const writes = ids.flatMap((id): Write[] => [
      { table: "ingest", key: id, value: nothing },
      { table: "chunk", key: `${id}/00000000`, value: octets(10) },
    ]);
    await disk.commit(writes);
    await using _spool = await open();
    expect(events.of("spool-opened")).toMatchObject([{ swept: 250 }]);
    expect([disk.stats("ingest").entries, disk.stats("chunk").entries]).toEqual([0, 0]);
  });

  it("sweeps as far as the disk allows, and goes on to deliver what is stored", async () => {
    const { faults, disk, events, open } = world();
    let id: MessageId;
    {
      await using spool = await open();
      ({ id } = await stored(spool, octets(10)));
    }
    await disk.commit([{ table: "ingest", key: "00000000000001", value: nothing }]);
    faults.onCommit = () => new StoreError("Read-only file system", false);
    await using spool = await open();
    expect(events.of("spool-opened").at(-1)).toMatchObject({ swept: 0, queued: 1 });
    expect(await dueIds(spool, 9, 9)).toEqual([id]);
    expect((await read(spool, id)).length).toBe(10);
    faults.onCommit = undefined;
  });
});

describe("maintenance", () => {
  it("forgets what ended before the days of the history, however much it is, with all that is kept of it", async () => {
    const { disk, clock, open } = world();
    await using spool = await open();
    const once = "content-and-recipient";
    for (let n = 0; n < 210; n++) {
      const result = await store(spool, octets(1), draft({ messageId: `<${n}@x>`, content: `${n}` }), undefined, once);
      if (result.kind === "stored") await spool.update(result.record.id, delivered);
    }
    clock.set(clock.now() + 31 * dayMs);
    const young = await stored(spool, octets(1));
    await spool.update(young.id, delivered);
    await spool.maintain();
    expect(disk.keys("history", "", undefined, 9)).toEqual([young.id]);
    for (const table of ["mid", "seen"] as const) expect([table, disk.stats(table).entries]).toEqual([table, 0]);
    expect(await verifyStore(disk)).toMatchObject({ faults: [] });
  });

  it("forgets the end of a message whose history cannot be read, and keeps its octets aside", async () => {
    const { disk, clock, events, open } = world();
    await using spool = await open();
    const { id } = await stored(spool, octets(1));
    await spool.update(id, delivered);
    await disk.commit([{ table: "history", key: id, value: Buffer.from("{") }]);
    clock.set(clock.now() + 31 * dayMs);
    await spool.maintain();
    expect(disk.stats("ended").entries).toBe(0);
    expect(disk.get("setaside", `history/${id}`)?.toString()).toBe("{");
    expect(events.of("record-set-aside")).toHaveLength(1);
  });

  it("forgets what left its box long ago, in a ledger of any length, and nothing that can come back", async () => {
    const { disk, clock, open } = world();
    await using spool = await open();
    const since = clock.now();
    const entries = Array.from({ length: 2300 }, (_, n) =>
      ledgerEntry(`uid-${n}`, { state: n % 2 === 0 ? "gone" : "present", since }),
    );
    await spool.put(account(), entries);
    clock.set(since + 59 * dayMs);
    await spool.maintain();
    expect(disk.stats("ledger").entries).toBe(2300);
    clock.set(since + 61 * dayMs);
    await spool.maintain();
    expect((await spool.entries(account())).every(({ state }) => state === "present")).toBe(true);
    expect(disk.stats("ledger").entries).toBe(1150);
  });

  it("waits while nothing can be written, tells of that once, and does its work afterwards", async () => {
    const { faults, disk, clock, events, open } = world();
    await using spool = await open();
    const { id } = await stored(spool, octets(1));
    await spool.update(id, delivered);
    faults.onCommit = () => new StoreError("Input/output error", false);
    await expect(stored(spool, octets(1))).rejects.toMatchObject({ code: "SPOOL_FAILED" });
    clock.set(clock.now() + 31 * dayMs);
    await clock.advance(180_000);
    expect(events.kinds.filter((kind) => kind === "spool-failed" || kind === "internal-error")).toEqual([
      "spool-failed",
    ]);
    expect(disk.stats("history").entries).toBe(1);
    faults.onCommit = undefined;
    await clock.advance(120_000);
    expect(disk.stats("history").entries).toBe(0);
  });

  it("runs by itself: the history each minute, the ledger each hour", async () => {
    const { disk, clock, open } = world();
    await using spool = await open();
    await spool.put(account(), [ledgerEntry("1", { state: "gone", since: 0 })]);
    await clock.advance(61_000);
    expect(disk.stats("ledger").entries).toBe(0);
    await spool.put(account(), [ledgerEntry("1", { state: "gone", since: 0 })]);
    await clock.advance(600_000);
    expect(disk.stats("ledger").entries).toBe(1);
    await clock.advance(3_000_000);
    expect(disk.stats("ledger").entries).toBe(0);
  });

  it("does not wait for a clock that was set back to catch up", async () => {
    const { disk, clock: passing, events } = world();
    const clock = new JumpingClock(passing);
    await using spool = await openMemorySpool({ clock, random: seededRandom(), events }, disk, { chunkOctets: 1000 });
    await spool.put(account(), [ledgerEntry("1", { state: "gone", since: 0 })]);
    clock.jump(-30 * dayMs);
    await passing.advance(61_000);
    expect(disk.stats("ledger").entries).toBe(0);
  });
});

it("a message that comes in without anybody left to have it has ended at once, and leaves no body", async () => {
  const { disk, open } = world();
  await using spool = await open();
  const { id } = await stored(spool, octets(5000), { ...draft({ messageId: "<m@x>" }), recipients: [] });
  expect(await spool.load(id)).toBeUndefined();
  expect(await spool.history(id)).toMatchObject({ id, size: 5000 });
  expect(await spool.byMessageIdField("m@x")).toEqual([id]);
  await spool.maintain();
  expect(disk.stats("chunk").entries).toBe(0);
  expect(await verifyStore(disk)).toMatchObject({ faults: [], leftovers: 0 });
});

it("a body that has grown on the disk is damage, told before an octet too many is given", async () => {
  const { disk, open } = world();
  await using spool = await open();
  const { id } = await stored(spool, octets(2500));
  await disk.commit([{ table: "chunk", key: `${id}/00000002`, value: octets(900) }]);
  let given = 0;
  const reading = (async () => {
    for await (const part of spool.body(id)) given += part.length;
  })();
  await expect(reading).rejects.toMatchObject({ code: "SPOOL_DAMAGED" });
  expect(given).toBe(2000);
});

it("a record that cannot be read leaves the queue, however long the queue is", async () => {
  const { disk, open } = world();
  await using spool = await open();
  const { id } = await stored(spool, octets(1), draft({ at: 20_000 }));
  // Others that are due before it: more than are looked through at once.
  const others = Array.from({ length: 10_050 }, (_, n): Write => {
    const key = `${String(n).padStart(15, "0")}/${String(n).padStart(14, "0")}`;
    return { table: "due", key, value: nothing };
  });
  await disk.commit([...others, { table: "message", key: id, value: Buffer.from("{") }]);
  expect(await spool.load(id)).toBeUndefined();
  await new Promise((resolve) => setImmediate(resolve));
  expect(disk.keys("due", "", undefined, 20_000).filter((key) => key.endsWith(id))).toEqual([]);
  expect(disk.stats("due").entries).toBe(10_050);
});
