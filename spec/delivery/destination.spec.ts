import { describe, expect, it } from "vitest";
import { mustAddress } from "../../src/core/address.ts";
import type { PopgateEvent } from "../../src/core/events.ts";
import { Destination, type Allowance } from "../../src/delivery/destination.ts";
import { LaterTimes } from "../../src/delivery/later-times.ts";
import { makeMessageId } from "../../src/core/ids.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { unreachable } from "./fixtures.ts";
import { reply } from "./outbound-records.ts";

const chef = mustAddress("chef@firma.example");
const hour = 3_600_000;

function world(allowance?: Allowance) {
  const clock = new ManualClock();
  const events: PopgateEvent[] = [];
  const ports = {
    clock,
    random: { next: () => 0.5 },
    events: { emit: (event: PopgateEvent) => void events.push(event) },
  };
  const told: string[] = [];
  const destination = new Destination("relay", ports, allowance);
  destination.onChange((what) => told.push(what));
  return { clock, events, destination, told };
}

const answered = { kind: "answered" } as const;
const cause = reply(535, "5.7.8");

describe("what keeps mail from a destination", () => {
  it("is nothing to begin with", () => {
    const { destination } = world();
    expect(destination.hindranceFor(chef)).toBeUndefined();
    expect(destination.usable()).toEqual({ kind: "yes" });
  });

  it("is a person who has stopped it: told once, until he lets it go on", () => {
    const { destination, told } = world();
    destination.stop(true);
    destination.stop(true);
    expect(destination.hindranceFor(chef)).toMatchObject({
      cause: { message: expect.stringMatching(/administrator/u) as string },
    });
    expect(destination.room(0, 5)).toBe(0);
    destination.stop(false);
    expect(told).toEqual(["usable", "usable"]);
    expect(destination.hindranceFor(chef)).toBeUndefined();
  });

  it("is what it ran into while it is down", () => {
    const { destination } = world();
    destination.note({ destination: unreachable, account: undefined, outcomes: [] }, chef);
    expect(destination.hindranceFor(chef)).toEqual({
      cause: unreachable.kind === "unavailable" ? unreachable.cause : undefined,
    });
  });

  it("is the account's trouble while that is paused, for everybody or for one sender", () => {
    const whole = world().destination;
    whole.note({ destination: answered, account: { trouble: "auth", cause }, outcomes: [] }, chef);
    expect(whole.hindranceFor(undefined)).toEqual({ cause, account: "auth" });
    const one = world().destination;
    one.note({ destination: answered, account: { trouble: "sender", cause }, outcomes: [] }, chef);
    expect(one.hindranceFor(chef)).toEqual({ cause, account: "sender" });
    expect(one.hindranceFor(mustAddress("other@firma.example"))).toBeUndefined();
  });

  it("is an allowance that does not come back soon", () => {
    let freeAt = 0;
    const allowance: Allowance = {
      free: () => 0,
      freeAt: () => freeAt,
      take: async () => false,
      giveBack: () => undefined,
    };
    const { destination, clock } = world(allowance);
    freeAt = clock.now() + 60_000;
    expect(destination.hindranceFor(chef)).toBeUndefined();
    freeAt = clock.now() + hour;
    expect(destination.hindranceFor(chef)).toMatchObject({
      cause: { message: expect.stringMatching(/rate/u) as string },
    });
    expect(destination.state()).toMatchObject({ kind: "spent" });
  });
});

describe("a place at a destination", () => {
  it("is given back once, whoever gives it back how often", () => {
    const { destination, told } = world();
    destination.note({ destination: unreachable, account: undefined, outcomes: [] }, chef);
    const place = destination.enter();
    const other = destination.enter();
    place[Symbol.dispose]();
    place[Symbol.dispose]();
    expect(told.filter((what) => what === "room")).toHaveLength(1);
    other[Symbol.dispose]();
    expect(told.filter((what) => what === "room")).toHaveLength(2);
  });

  it("that was asked for without the server being asked costs no allowance", () => {
    let back = 0;
    const allowance: Allowance = {
      free: () => 1,
      freeAt: () => 0,
      take: async () => true,
      giveBack: () => void (back += 1),
    };
    const { destination } = world(allowance);
    destination.note({ destination: { kind: "unasked" }, account: undefined, outcomes: [] }, chef);
    expect(back).toBe(1);
    destination.note({ destination: unreachable, account: undefined, outcomes: [] }, chef);
    expect(back).toBe(2);
    destination.note({ destination: answered, account: undefined, outcomes: [] }, chef);
    expect(back).toBe(2);
  });
});

describe("times of recipients that the queue does not show", () => {
  const idOf = (n: number) => makeMessageId(n, { next: () => 0 });

  it("are given out when they come, the earliest of each message", () => {
    const later = new LaterTimes();
    later.add(idOf(1), 12_000);
    later.add(idOf(1), 7000);
    later.add(idOf(2), 31_000);
    expect(later.next).toBe(10_000);
    expect(later.due(9999)).toEqual([]);
    expect(later.due(10_000)).toEqual([idOf(1)]);
    expect(later.next).toBe(35_000);
  });

  it("are too many to be kept at some point: from the first that was left out on, all is to be looked at again", () => {
    const later = new LaterTimes();
    for (let n = 0; n < 10_000; n++) later.add(idOf(n), 1_000_000);
    expect(later.hasOverflowed(2_000_000)).toBe(false);
    later.add(idOf(20_000), 500_000);
    later.add(idOf(20_001), 700_000);
    // One that is known already is none too many.
    later.add(idOf(5), 900_000);
    expect(later.next).toBe(500_000);
    expect([later.hasOverflowed(499_999), later.hasOverflowed(500_000)]).toEqual([false, true]);
    later.clear();
    expect([later.next, later.hasOverflowed(1e12)]).toEqual([undefined, false]);
  });
});
