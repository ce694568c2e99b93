/** A place at the destination is another message's while the outcome before is on its way to the disk, within a bound. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { makeWorld, type World } from "./fixtures.ts";

/** Outcomes do not reach the disk until `release` is called. */
async function slowDisk(messages: number): Promise<{ world: World; release: () => void; drained: Promise<void> }> {
  const world = await makeWorld({ concurrency: 1 });
  for (let number = 0; number < messages; number++) await world.add([`anna${number}@firma.example`]);
  const { promise, resolve } = Promise.withResolvers<void>();
  world.store.faults.onCommit = () => promise;
  return { world, release: resolve, drained: world.drain() };
}

/** Everything that can go on without the disk has gone on. */
async function quiet({ transport }: World): Promise<number> {
  for (let still = 0, before = -1; still < 50; still += 1) {
    await nextTurn();
    if (transport.transactions.length !== before) still = 0;
    before = transport.transactions.length;
  }
  return transport.transactions.length;
}

test("the next message is handed over while the outcome of the one before waits for the disk", async () => {
  const { world, release, drained } = await slowDisk(2);
  expect(await quiet(world)).toBe(2);
  expect(world.events.filter(({ kind }) => kind === "delivered")).toHaveLength(0);
  release();
  await drained;
  expect(world.events.filter(({ kind }) => kind === "delivered")).toHaveLength(2);
});

test("no more than two messages for each place are on their way, and each message is handed over once", async () => {
  const { world, release, drained } = await slowDisk(10);
  expect(await quiet(world)).toBe(2);
  release();
  await drained;
  const ids = world.transport.transactions.map(({ message }) => message);
  expect(ids).toHaveLength(10);
  expect(new Set(ids).size).toBe(10);
});
