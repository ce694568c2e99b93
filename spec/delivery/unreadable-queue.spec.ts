/** A store that fails now and then at reading: whatever was being done, no mail is left behind, and none goes twice. */
import { expect, test } from "vitest";
import type { Table } from "../../src/spool/store.ts";
import { MemoryStore } from "../fakes/memory-spool.ts";
import { minute, outboundWorld, whileRunning } from "./outbound-world.ts";

/** Fails at those reads of a record, counted from 1. */
class FailingStore extends MemoryStore {
  readonly failing = new Set<number>();
  reads = 0;

  override get(table: Table, key: string): Buffer | undefined {
    if (table === "message" && this.failing.has(++this.reads)) throw new Error("input/output error");
    return super.get(table, key);
  }
}

const outside = "kunde@elsewhere.example";

test.each(Array.from({ length: 24 }, (_, index) => index + 1))("at read %i and the one after it", async (read) => {
  const store = new FailingStore();
  await using world = await outboundWorld({
    store,
    laneCapacity: 2,
    relays: [
      { name: "one", concurrency: 3 },
      { name: "two", senders: ["bernd@firma.example"] },
    ],
  });
  const ids = [];
  for (const from of ["anna", "bernd", "carla", "dora", "emil"])
    ids.push(await world.add({ from: `${from}@firma.example`, to: [outside] }));
  store.reads = 0;
  store.failing.add(read).add(read + 1);
  await whileRunning(world, async () => world.clock.advance(30 * minute));
  expect(store.reads).toBeGreaterThan(read);
  for (const id of ids) expect(await world.states(id)).toEqual({ [outside]: "delivered" });
  const transactions = [...world.relay("one").transactions, ...world.relay("two").transactions];
  // Where the body could not be read nothing has been sent.
  const given = transactions.filter(({ octets }) => octets.length > 0);
  expect(given.map(({ message }) => message).toSorted()).toEqual(ids.toSorted());
  for (const id of ids) expect(world.outbound.isUnderWay(id)).toBe(false);
});
