import { expect, it } from "vitest";
import { verifyStore } from "../../src/spool/verify.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { MemoryStore, openMemorySpool } from "../fakes/memory-spool.ts";
import { account, draft, dueIds, EventList, ledgerEntry, octets, seededRandom, stored } from "./support.ts";

async function memory() {
  const disk = new MemoryStore();
  const events = new EventList();
  return {
    disk,
    events,
    spool: await openMemorySpool({ clock: new ManualClock(), random: seededRandom(), events }, disk),
  };
}

/** The move itself is not waited for. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

it.each([
  ["no JSON", Buffer.from([0xff, 0, 1])],
  ["JSON of something else", Buffer.from('{"version":1,"id":"x"}')],
  ["a record of a later version", Buffer.from('{"version":2}')],
])("a record that is %s moves aside with its octets, and the queue goes on", async (_, rubbish) => {
  await using stack = new AsyncDisposableStack();
  const { disk, events, spool } = await memory();
  stack.use(spool);
  const bad = await stored(spool, octets(10), draft({ at: 1 }));
  const good = await stored(spool, octets(10), draft({ at: 2 }));
  const held = await stored(spool, octets(10), draft({ held: "loop" }));
  await disk.commit([
    { table: "message", key: bad.id, value: rubbish },
    { table: "message", key: held.id, value: rubbish },
  ]);
  expect(await dueIds(spool, 9, 9)).toEqual([bad.id, good.id]);
  expect(await spool.load(bad.id)).toBeUndefined();
  expect(await spool.held(undefined, 9)).toEqual([]);
  await turns();
  // It is not offered again, and counts no more.
  expect(await dueIds(spool, 9, 9)).toEqual([good.id]);
  expect(await spool.nextDueAt("inbound")).toBe(2);
  expect(spool.counts()).toMatchObject({ queued: 1, held: 0 });
  expect(disk.get("setaside", `message/${bad.id}`)?.equals(rubbish)).toBe(true);
  expect(events.of("record-set-aside").map(({ key }) => key)).toEqual([`message/${bad.id}`, `message/${held.id}`]);
  expect(await verifyStore(disk)).toMatchObject({ faults: [], setAside: 2 });
});

it("an unreadable page of the list does not end the list", async () => {
  await using stack = new AsyncDisposableStack();
  const { disk, spool } = await memory();
  stack.use(spool);
  const records = [await stored(spool, octets(1)), await stored(spool, octets(1)), await stored(spool, octets(1))];
  const [first, , last] = records.map(({ id }) => id).toSorted();
  await disk.commit([{ table: "message", key: first ?? "", value: Buffer.from("{") }]);
  expect((await spool.list(undefined, 1)).map(({ id }) => id)).not.toEqual([]);
  await turns();
  expect((await spool.list(undefined, 9)).at(-1)?.id).toBe(last);
});

it("entries of the ledger and of an account's memory move aside as well", async () => {
  await using stack = new AsyncDisposableStack();
  const { disk, events, spool } = await memory();
  stack.use(spool);
  await spool.put(account(), [ledgerEntry("1"), ledgerEntry("2")]);
  await spool.putState(account(), 1);
  await disk.commit([
    { table: "ledger", key: "box/1", value: Buffer.from("{}") },
    { table: "state", key: "box", value: Buffer.from("{") },
  ]);
  expect(await spool.entries(account())).toMatchObject([{ uidl: "2" }]);
  expect(await spool.state(account())).toBeUndefined();
  await turns();
  expect(events.of("record-set-aside").map(({ key }) => key)).toEqual(["ledger/box/1", "state/box"]);
  expect(disk.get("setaside", "ledger/box/1")?.toString()).toBe("{}");
});

it("a body that has changed on the disk is damage, told before its last chunk", async () => {
  const disk = new MemoryStore();
  const ports = { clock: new ManualClock(), random: seededRandom(), events: new EventList() };
  await using spool = await openMemorySpool(ports, disk, { chunkOctets: 1000 });
  const { id } = await stored(spool, octets(3500));
  const chunk = disk.get("chunk", `${id}/00000001`) ?? Buffer.alloc(0);
  chunk[5] = (chunk[5] ?? 0) ^ 1;
  await disk.commit([{ table: "chunk", key: `${id}/00000001`, value: chunk }]);
  let given = 0;
  const reading = (async () => {
    for await (const part of spool.body(id)) given += part.length;
  })();
  await expect(reading).rejects.toMatchObject({ code: "SPOOL_DAMAGED" });
  expect(given).toBe(3000);
  await disk.commit([{ table: "chunk", key: `${id}/00000002`, value: undefined }]);
  await expect(Array.fromAsync(spool.body(id))).rejects.toMatchObject({ code: "SPOOL_DAMAGED" });
});
