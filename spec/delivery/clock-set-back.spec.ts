/**
 * A clock that was ahead by a year and is set right: nothing waits until it has caught up. Before each step the spec says
 * what would wait, so that it is not the mail's own times that are tested (`stranded.spec.ts` is about those).
 */
import { expect, test } from "vitest";
import { Destination } from "../../src/delivery/destination.ts";
import type { Table } from "../../src/spool/store.ts";
import { JumpingClock } from "../fakes/jumping-clock.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { MemoryStore } from "../fakes/memory-spool.ts";
import { makeWorld, unreachable } from "./fixtures.ts";
import { minute, outboundWorld, trouble } from "./outbound-world.ts";

const year = 365 * 86_400_000;
const anna = "anna@firma.example";
const outside = "kunde@elsewhere.example";

test("a sender that was paused at a relay: mail that waited for that goes as soon as the clock is right", async () => {
  await using world = await outboundWorld({
    relays: [{ name: "one", concurrency: 1, script: (transaction) => trouble(transaction, "sender") }],
  });
  await world.add({ from: anna, to: [outside] });
  const waiting = await world.add({ from: anna, to: [outside] });
  const right = world.clock.now();
  world.clock.set(right + year);
  await world.drain();
  expect(world.relay("one").transactions).toHaveLength(1);
  world.relay("one").script = () => ({});
  await world.drain();
  expect(await world.states(waiting)).toEqual({ [outside]: "queued" });
  world.clock.set(right + minute);
  await world.drain();
  expect(await world.states(waiting)).toEqual({ [outside]: "delivered" });
});

/** Once it is told to, it cannot be read. */
class BrokenStore extends MemoryStore {
  isBroken = false;

  override get(table: Table, key: string): Buffer | undefined {
    if (table === "message" && this.isBroken) throw new Error("input/output error");
    return super.get(table, key);
  }
}

test("a message that could not be read: it is looked at again as soon as the clock is right", async () => {
  const store = new BrokenStore();
  await using world = await outboundWorld({ store, relays: [{ name: "one" }] });
  const id = await world.add({ from: anna, to: [outside] });
  const right = world.clock.now();
  world.clock.set(right + year);
  store.isBroken = true;
  await world.drain();
  store.isBroken = false;
  await world.drain();
  expect(await world.states(id)).toEqual({ [outside]: "queued" });
  world.clock.set(right + minute);
  await world.drain();
  expect(await world.states(id)).toEqual({ [outside]: "delivered" });
});

test("a clock that is set back by seconds does not make the whole queue be looked at again", async () => {
  await using world = await outboundWorld({
    relays: [{ name: "one", script: (transaction) => trouble(transaction, "sender") }],
  });
  for (let number = 0; number < 10; number++) await world.add({ from: anna, to: [outside] });
  world.clock.set(world.clock.now() + minute);
  await world.drain();
  let loads = 0;
  const load = world.spool.load.bind(world.spool);
  world.spool.load = async (id) => (loads++, load(id));
  world.clock.set(world.clock.now() - 5000);
  await world.drain();
  expect(loads).toBe(0);
});

test("a message at which we failed ourselves is taken up again as soon as the clock is right", async () => {
  let isBroken = true;
  const world = await makeWorld({}, () => {
    if (isBroken) throw new TypeError("a bug");
    return {};
  });
  const id = await world.add([anna]);
  const right = world.clock.now();
  world.clock.set(right + year);
  await world.drain();
  isBroken = false;
  await world.drain();
  expect(await world.states(id)).toEqual({ anna: "queued" });
  world.clock.set(right + minute);
  await world.drain();
  expect(await world.states(id)).toEqual({ anna: "delivered" });
});

test("trouble that began while the clock was ahead is not younger than its next trial", () => {
  const clock = new JumpingClock(new ManualClock());
  const told: unknown[] = [];
  const events = { emit: (event: unknown) => void told.push(event) };
  const destination = new Destination("relay", { clock, random: { next: () => 0.5 }, events });
  const seen = { destination: unreachable, account: undefined, outcomes: [] };
  const right = clock.now();
  clock.jump(year);
  destination.note(seen, undefined);
  clock.jump(-year);
  expect(destination.usable()).toEqual({ kind: "trial" });
  destination.note(seen, undefined);
  expect(destination.state()).toMatchObject({ kind: "down", since: right });
  clock.jump(-minute);
  destination.note({ ...seen, destination: { kind: "answered" } }, undefined);
  expect(told.at(-1)).toMatchObject({ kind: "destination-up", afterMs: 0 });
});
