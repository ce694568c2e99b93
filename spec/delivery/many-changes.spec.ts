/** More changes than are kept in memory: they are forgotten one by one, and all that is due is looked at again. */
import { expect, test } from "vitest";
import { makeMessageId, type MessageId } from "../../src/core/ids.ts";
import { Destination } from "../../src/delivery/destination.ts";
import { Dispatcher } from "../../src/delivery/dispatcher.ts";
import { LaterTimes } from "../../src/delivery/later-times.ts";
import type { Queue } from "../../src/spool/port.ts";
import { seededRandom } from "../spool/support.ts";
import { minute, outboundWorld } from "./outbound-world.ts";

const outside = "kunde@elsewhere.example";
const never = new AbortController().signal;
const wanted = { room: 10, largeRoom: 10, passesOver: () => false, lastly: undefined };

function manyIds(count: number): readonly MessageId[] {
  const random = seededRandom(5);
  return Array.from({ length: count }, (_, number) => makeMessageId(1_790_000_000_000 + number, random));
}

test("a dispatcher that is told of 20,000 changes at once finds what is due, and does not read each of them", async () => {
  await using world = await outboundWorld({ relays: [{ name: "idle" }] });
  const tell: ((id: MessageId) => void)[] = [];
  let loads = 0;
  const queue: Queue = {
    ...world.spool,
    load: async (id) => {
      loads += 1;
      return world.spool.load(id);
    },
    onChange: (listener) => {
      tell.push(listener);
      return world.spool.onChange(listener);
    },
  };
  const ports = {
    clock: world.clock,
    random: { next: () => 0.5 },
    events: { emit: (event: (typeof world.events)[number]) => void world.events.push(event) },
  };
  const rules = { domains: ["firma.example"], ownDomains: "exchange", atProvider: [] } as const;
  const relay = { name: "one", senders: [{ kind: "all" }], isProved: true } as const;
  using dispatcher = new Dispatcher(
    { routes: { ...rules, relays: [relay] }, largeOctets: 1e6 },
    new Map([["relay one", new Destination("relay one", ports)]]),
    { queue, clock: world.clock, events: ports.events },
  );
  const source = dispatcher.source("relay one");
  const first = await world.add({ from: "anna@firma.example", to: [outside] });
  const [work] = await source.next(wanted, never);
  expect(work?.record.id).toBe(first);

  const second = await world.add({ from: "anna@firma.example", to: [outside] });
  loads = 0;
  for (const id of manyIds(20_000)) for (const listener of tell) listener(id);
  const others = await source.next(wanted, never);
  // The first one is under way: it is not given to anybody else.
  expect(others.map(({ record }) => record.id)).toEqual([second]);
  work?.[Symbol.dispose]();
  for (const other of others) other[Symbol.dispose]();
  expect((await source.next(wanted, never)).map(({ record }) => record.id).toSorted()).toEqual([first, second]);
  expect(loads).toBeLessThan(100);
});

test("times to come beyond what is kept have everything looked at when the first of them is there", () => {
  const times = new LaterTimes();
  const [first, ...others] = manyIds(10_001);
  const last = others.at(-1);
  if (first === undefined || last === undefined) throw new Error("no ids");
  for (const id of [first, ...others]) times.add(id, 10 * minute);
  // There was no room for it.
  times.add(last, 5 * minute);
  expect(times.next).toBe(5 * minute);
  expect(times.hasOverflowed(5 * minute - 1)).toBe(false);
  expect(times.hasOverflowed(5 * minute)).toBe(true);
  // One that is kept can still become earlier, and is no overflow.
  times.add(first, minute);
  expect(times.next).toBe(minute);
  expect(times.due(minute)).toEqual([first]);
  expect(times.due(10 * minute)).toHaveLength(9_999);
  times.clear();
  expect([times.next, times.hasOverflowed(Number.MAX_SAFE_INTEGER)]).toEqual([undefined, false]);
});
