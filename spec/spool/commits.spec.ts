import { expect, it } from "vitest";
import { ManualClock } from "../fakes/manual-clock.ts";
import { MemoryStore, openMemorySpool } from "../fakes/memory-spool.ts";
import { delivered, draft, EventList, ledgerDraft, octets, seededRandom, store } from "./support.ts";

async function memory() {
  const disk = new MemoryStore();
  const ports = { clock: new ManualClock(), random: seededRandom(), events: new EventList() };
  return { disk, spool: await openMemorySpool(ports, disk, { chunkOctets: 10_000 }) };
}

it("a small message is one commit, with its ledger entry, and its end is another", async () => {
  await using stack = new AsyncDisposableStack();
  const { disk, spool } = await memory();
  stack.use(spool);
  const before = disk.commits;
  const result = await store(spool, octets(8192), draft({ messageId: "<m@x>" }), ledgerDraft("1"));
  expect(disk.commits - before).toBe(1);
  if (result.kind !== "stored") throw new Error("a duplicate");
  await spool.update(result.record.id, delivered);
  expect(disk.commits - before).toBe(2);
  await spool.maintain();
  // Nothing was left to be done.
  expect(disk.commits - before).toBe(2);
  expect(disk.stats("chunk").entries).toBe(0);
});

it("a change that changes nothing is none", async () => {
  await using stack = new AsyncDisposableStack();
  const { disk, spool } = await memory();
  stack.use(spool);
  const result = await store(spool, octets(10));
  if (result.kind !== "stored") throw new Error("a duplicate");
  const before = disk.commits;
  await spool.update(result.record.id, (record) => record);
  expect(disk.commits).toBe(before);
});
