import { describe, expect, test } from "vitest";
import type { MessageId } from "../../src/core/ids.ts";
import type { DueEntry } from "../../src/spool/port.ts";
import { comparePositions, Lane } from "../../src/delivery/lane.ts";
import { all, delivered, replied } from "./fixtures.ts";
import { down, minute, outboundWorld, whileRunning, type OutboundWorld } from "./outbound-world.ts";

const anna = "anna@firma.example";
const bernd = "bernd@firma.example";
const outside = "kunde@elsewhere.example";

/** So many at once, so that they share flushes. */
async function addMany(world: OutboundWorld, count: number, from: string): Promise<MessageId[]> {
  const ids: MessageId[] = [];
  for (let begin = 0; begin < count; begin += 250)
    ids.push(
      ...(await Promise.all(
        Array.from({ length: Math.min(250, count - begin) }, async () => {
          world.clock.set(world.clock.now() + 1);
          return world.add({ from, to: [outside] });
        }),
      )),
    );
  return ids;
}

describe("many messages", () => {
  test("5,000 for a relay that is down hide nobody's mail for another, and cost one connection", async () => {
    await using world = await outboundWorld({
      isOnDisk: true,
      relays: [
        { name: "one", senders: [anna], script: down },
        { name: "two", senders: [bernd] },
      ],
    });
    await addMany(world, 5000, anna);
    const id = await world.add({ from: bernd, to: [outside] });
    await world.drain();
    expect(await world.states(id)).toEqual({ [outside]: "delivered" });
    expect(world.relay("one").transactions.length).toBeLessThanOrEqual(2);
    expect(world.relay("two").transactions).toHaveLength(1);
  });

  test("a burst of 5,000 drains in order of age, and a message of somebody else's relay goes at once in the midst of it", async () => {
    const late: { id?: Promise<MessageId>; behind?: number } = {};
    await using world = await outboundWorld({
      isOnDisk: true,
      relays: [
        {
          name: "one",
          senders: [anna],
          concurrency: 20,
          script: (_, number) => {
            if (number === 1000) late.id = world.add({ from: bernd, to: [outside] });
            return {};
          },
        },
        {
          name: "two",
          senders: [bernd],
          script: () => {
            late.behind = world.relay("one").transactions.length;
            return {};
          },
        },
      ],
    });
    const ids = await addMany(world, 5000, anna);
    const reads = countReads(world);
    const stop = new AbortController();
    const running = world.outbound.run(stop.signal);
    while (world.spool.counts().queued > 0) await new Promise((resolve) => setImmediate(resolve));
    stop.abort();
    await running;
    const order = world.relay("one").transactions.map(({ message }) => message);
    expect(order).toEqual(ids.toSorted());
    expect(order).toHaveLength(5000);
    expect(late.behind).toBeLessThan(1500);
    // When it falls due, when the lane is filled, when it is taken, when it has changed and when it is given back.
    expect(reads.loads).toBeLessThan(5.2 * 5000);
    expect(reads.dues).toBeLessThan(1000);
  });

  test("a round without news costs nothing, however much is waiting", async () => {
    await using world = await outboundWorld({
      isOnDisk: true,
      relays: [
        { name: "one", senders: [anna], script: down },
        { name: "two", senders: [bernd] },
      ],
    });
    await addMany(world, 2000, anna);
    await whileRunning(world, async () => {
      await world.clock.advance(minute);
      const reads = countReads(world);
      for (let index = 0; index < 20; index++) {
        await world.add({ from: bernd, to: [outside] });
        await world.clock.advance(1000);
      }
      expect(world.relay("two").transactions).toHaveLength(20);
      // A few for each new message, some for the trials of the first relay.
      expect(reads.loads).toBeLessThan(1000);
    });
  });

  test("large messages in front hide no small one", async () => {
    const gate = Promise.withResolvers<void>();
    await using world = await outboundWorld({
      largeOctets: 1000,
      relays: [
        {
          name: "one",
          concurrency: 4,
          script: async ({ size }) => {
            if (size >= 1000) await gate.promise;
            return {};
          },
        },
      ],
    });
    for (let index = 0; index < 120; index++) await world.add({ from: anna, to: [outside], size: 1000 });
    const small: MessageId[] = [];
    for (let index = 0; index < 20; index++) small.push(await world.add({ from: anna, to: [outside] }));
    await whileRunning(world, async () => {
      await world.clock.advance(minute);
      for (const id of small) expect(await world.states(id)).toEqual({ [outside]: "delivered" });
      expect(world.relay("one").transactions).toHaveLength(22);
      gate.resolve();
      await world.clock.advance(minute);
      expect(world.spool.counts().queued).toBe(0);
    });
  });
});

/** How often the queue is read from here on. */
function countReads({ spool }: OutboundWorld): { loads: number; dues: number } {
  const counted = { loads: 0, dues: 0 };
  const load = spool.load.bind(spool);
  const due = spool.due.bind(spool);
  Object.assign(spool, {
    load: async (...given: Parameters<typeof load>) => ((counted.loads += 1), load(...given)),
    due: async (...given: Parameters<typeof due>) => ((counted.dues += 1), due(...given)),
  });
  return counted;
}

describe("ways of one message", () => {
  test("recipients at home and outside: Exchange gets its own, the relay the others", async () => {
    await using world = await outboundWorld({ relays: [{ name: "one" }], atProvider: ["shop@firma.example"] });
    const id = await world.add({ from: anna, to: [bernd, outside, "shop@firma.example"] });
    await world.drain();
    expect(new Set(Object.values(await world.states(id)))).toEqual(new Set(["delivered"]));
    expect(world.relay("exchange").transactions.map(({ recipients }) => recipients)).toEqual([[bernd]]);
    expect(world.relay("one").transactions.map(({ recipients }) => recipients)).toEqual([
      [outside, "shop@firma.example"],
    ]);
  });

  test("one recipient waits for a relay that is down, another is deferred elsewhere: each is tried at its own time", async () => {
    let tries = 0;
    await using world = await outboundWorld({
      relays: [{ name: "one", script: down }],
      exchange: (transaction) =>
        ++tries < 3 ? all(transaction, replied("deferred", 451, "4.7.1")) : all(transaction, delivered),
    });
    const id = await world.add({ from: anna, to: [outside, bernd] });
    await whileRunning(world, async () => {
      await world.clock.advance(30_000);
      expect(tries).toBe(1);
      await world.clock.advance(45_000);
      expect(tries).toBe(2);
      await world.clock.advance(2 * minute);
      expect(await world.states(id)).toEqual({ [outside]: "queued", [bernd]: "delivered" });
    });
  });

  test("a recipient that a slow relay has in hand is not given to another, whatever happens meanwhile", async () => {
    const gate = Promise.withResolvers<void>();
    await using world = await outboundWorld({
      relays: [
        {
          name: "one",
          script: async (transaction, number) => {
            if (number === 1) await gate.promise;
            return number === 1 ? {} : down(transaction);
          },
        },
        { name: "two" },
      ],
    });
    const slow = await world.add({ from: anna, to: [outside] });
    await whileRunning(world, async () => {
      await world.clock.advance(1000);
      expect(world.outbound.isUnderWay(slow)).toBe(true);
      const other = await world.add({ from: anna, to: [outside] });
      await world.clock.advance(minute);
      expect(await world.states(other)).toEqual({ [outside]: "delivered" });
      expect(world.relay("two").transactions.map(({ message }) => message)).toEqual([other]);
      gate.resolve();
      await world.clock.advance(1000);
      expect(await world.states(slow)).toEqual({ [outside]: "delivered" });
      expect(world.relay("two").transactions).toHaveLength(1);
    });
  });

  test("no relay for a sender: told once for each, and the message waits", async () => {
    await using world = await outboundWorld({ relays: [{ name: "one", senders: [bernd] }] });
    const id = await world.add({ from: anna, to: [outside] });
    await world.add({ from: anna, to: [outside] });
    await world.add({ to: [outside] });
    await world.drain();
    await world.drain();
    expect(world.told("unroutable").map(({ sender }) => sender)).toEqual([anna, "<>"]);
    const record = await world.record(id);
    const [recipient] = record.recipients;
    expect(recipient && world.outbound.hindranceOf(record, recipient)).toMatchObject({ account: "sender" });
  });
});

describe("time and trials", () => {
  test("a trial is never twice in a row the same message while others wait", async () => {
    await using world = await outboundWorld({ relays: [{ name: "one", concurrency: 1, script: down }] });
    for (let index = 0; index < 5; index++) await world.add({ from: anna, to: [outside] });
    await whileRunning(world, async () => world.clock.advance(20 * minute));
    const tried = world.relay("one").transactions.map(({ message }) => message);
    expect(tried.length).toBeGreaterThan(5);
    for (const [index, id] of tried.entries()) expect(id).not.toBe(tried[index + 1]);
  });

  test("the only message is every trial", async () => {
    await using world = await outboundWorld({ relays: [{ name: "one", script: down }] });
    await world.add({ from: anna, to: [outside] });
    await whileRunning(world, async () => world.clock.advance(20 * minute));
    expect(world.relay("one").transactions.length).toBeGreaterThan(5);
  });

  test("a clock that was set back by a year delays nothing that is new, and nothing when it comes right again", async () => {
    await using world = await outboundWorld({ relays: [{ name: "one" }] });
    await whileRunning(world, async () => {
      await world.add({ from: anna, to: [outside] });
      await world.clock.advance(minute);
      world.clock.set(world.clock.now() - 365 * 24 * 60 * minute);
      const id = await world.add({ from: anna, to: [outside] });
      await world.clock.advance(2 * minute);
      expect(await world.states(id)).toEqual({ [outside]: "delivered" });
      world.clock.set(world.clock.now() + 365 * 24 * 60 * minute);
      const next = await world.add({ from: anna, to: [outside] });
      await world.clock.advance(2 * minute);
      expect(await world.states(next)).toEqual({ [outside]: "delivered" });
    });
  });

  test("a clock that is set back while mail waits in a lane, or for a relay in trouble, loses sight of none", async () => {
    let isDown = true;
    await using world = await outboundWorld({
      relays: [{ name: "one", concurrency: 1, script: (transaction) => (isDown ? down(transaction) : {}) }],
    });
    for (let index = 0; index < 5; index++) await world.add({ from: anna, to: [outside] });
    await whileRunning(world, async () => {
      await world.clock.advance(1000);
      world.clock.set(world.clock.now() - 10 * minute);
      isDown = false;
      const id = await world.add({ from: anna, to: [outside] });
      await world.clock.advance(9 * minute);
      expect(await world.states(id)).toEqual({ [outside]: "delivered" });
      expect(world.spool.counts().queued).toBe(5);
      await world.clock.advance(5 * minute);
      expect(world.spool.counts().queued).toBe(0);
    });
  });

  test("stopped by a person: nothing goes there, the other relay takes over; started again it is used again", async () => {
    await using world = await outboundWorld({ relays: [{ name: "one" }, { name: "two" }] });
    world.outbound.states()[0]?.destination.stop(true);
    await world.add({ from: anna, to: [outside] });
    await world.drain();
    expect(world.relay("two").transactions).toHaveLength(1);
    world.outbound.states()[0]?.destination.stop(false);
    await world.add({ from: anna, to: [outside] });
    await world.drain();
    expect(world.relay("one").transactions).toHaveLength(1);
  });

  test("a person's change while it waits is followed: retried now, dropped", async () => {
    await using world = await outboundWorld({
      relays: [{ name: "one", script: (transaction) => all(transaction, replied("deferred", 451, "4.7.1")) }],
    });
    const id = await world.add({ from: anna, to: [outside] });
    await whileRunning(world, async () => {
      await world.clock.advance(1000);
      await world.spool.update(id, (record) => ({
        ...record,
        recipients: record.recipients.map((recipient) => ({
          ...recipient,
          state: { kind: "queued" as const, nextAttemptAt: world.clock.now() - 500, attempts: 1 },
        })),
      }));
      await world.clock.advance(10);
      expect(world.relay("one").transactions).toHaveLength(2);
      await world.spool.update(id, (record) => ({
        ...record,
        recipients: record.recipients.map((recipient) => ({
          ...recipient,
          state: { kind: "dropped" as const, at: 1, by: "admin" },
        })),
      }));
      await world.clock.advance(5 * minute);
      expect(world.relay("one").transactions).toHaveLength(2);
    });
  });
});

describe("beyond what a lane holds", () => {
  test("mail goes by the other relay at once when the first is found down", async () => {
    await using world = await outboundWorld({
      laneCapacity: 4,
      relays: [
        { name: "one", script: (transaction, number) => (number <= 3 ? {} : down(transaction)) },
        { name: "two" },
      ],
    });
    for (let index = 0; index < 60; index++) await world.add({ from: anna, to: [outside] });
    await whileRunning(world, async () => {
      await world.clock.advance(1000);
      expect(world.relay("one").transactions.length).toBeLessThanOrEqual(5);
      expect(world.relay("two").transactions).toHaveLength(57);
      expect(world.spool.counts().queued).toBe(0);
    });
  });

  test("mail waits for the allowance of its only relay", async () => {
    await using world = await outboundWorld({
      laneCapacity: 1,
      relays: [{ name: "one", rates: [{ messages: 3, perMs: 24 * 60 * minute }] }],
    });
    for (let index = 0; index < 8; index++) await world.add({ from: anna, to: [outside] });
    await whileRunning(world, async () => {
      for (const sent of [3, 6, 8]) {
        await world.clock.advance(2 * minute);
        expect(world.relay("one").transactions).toHaveLength(sent);
        world.clock.set(world.clock.now() + 25 * 60 * minute);
      }
    });
  });
});

describe("a lane", () => {
  const entry = (at: number, id = "a"): DueEntry => ({ at, id: id as MessageId });

  test("keeps the order of age, drops the youngest when an older one comes, and is pulled back to what it dropped", () => {
    const lane = new Lane(2);
    lane.put(entry(300, "c"), entry(200, "b"));
    lane.put(entry(400, "d"), entry(300, "c"));
    lane.put(entry(100, "x"), "start");
    expect(lane.entries.map(({ at }) => at)).toEqual([100, 300]);
    expect(comparePositions(lane.behind, entry(400, "d"))).toBeLessThan(0);
    expect(comparePositions(lane.behind, entry(300, "c"))).toBeGreaterThan(0);
  });

  test("takes nothing that it has not come to", () => {
    const lane = new Lane(2);
    lane.pullBack(entry(100));
    lane.put(entry(200, "b"), entry(150));
    expect(lane.entries).toEqual([]);
    lane.advance(entry(200, "b"));
    lane.put(entry(200, "b"), entry(150));
    expect(lane.entries).toHaveLength(1);
  });
});
