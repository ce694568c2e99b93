import { describe, expect, it } from "vitest";
import { mustAddress } from "../../src/core/address.ts";
import type { MessageId } from "../../src/core/ids.ts";
import { createBackPressure, type BackPressure, type BackPressureOptions } from "../../src/outbound/back-pressure.ts";
import { createReceiver } from "../../src/outbound/receiver.ts";
import { StoreError } from "../../src/spool/store.ts";
import type { Spool } from "../../src/spool/port.ts";
import { queuedRecipient } from "../../src/spool/record.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { MemoryStore, openMemorySpool, type StoreFaults } from "../fakes/memory-spool.ts";
import { delivered, draft, EventList, seededRandom, store as put } from "../spool/support.ts";
import { exchange, hostname, mail, pieces, recipient, request } from "./receiving.ts";

const minute = 60_000;
const hour = 60 * minute;
const never = new AbortController().signal;

interface World {
  readonly clock: ManualClock;
  readonly spool: Spool;
  readonly store: MemoryStore;
  readonly faults: StoreFaults;
  readonly events: EventList;
  readonly pressure: BackPressure;
  /** What the relays are said to be like. */
  trouble: { detail: string; since: number } | undefined;
  lastDelivery: number | undefined;
  /** How often the queue was gone through. */
  scans: number;
  readonly submit: () => Promise<MessageId>;
  /** After so long, and a look. */
  readonly later: (ms: number) => Promise<void>;
  readonly told: () => string;
}

async function world(options: Partial<BackPressureOptions> = {}, maxOctets = 1e9): Promise<World> {
  const clock = new ManualClock();
  const events = new EventList();
  const faults: StoreFaults = {};
  const store = new MemoryStore(faults);
  const ports = { clock, random: seededRandom(), events };
  const spool = await openMemorySpool(ports, store, { maxOctets });
  const due = spool.due.bind(spool);
  spool.due = async (...args) => {
    made.scans++;
    return due(...args);
  };
  const pressure = createBackPressure(
    { queueAgeLimitMs: 12 * hour, relayTroubleMs: 15 * minute, ...options },
    { spool, clock, events, relayTrouble: () => made.trouble, lastDelivery: () => made.lastDelivery },
  );
  const receiver = createReceiver(
    { hostname, maxOctets: 1_000_000, maxHeaderOctets: 10_000 },
    { spool, clock, events, pressure: () => pressure.verdict(), maxRelayOctets: () => undefined },
  );
  const made: World = {
    clock,
    spool,
    store,
    faults,
    events,
    pressure,
    trouble: undefined,
    lastDelivery: undefined,
    scans: 0,
    async submit() {
      const received = await receiver.receive(exchange, request, recipient, pieces(mail), never);
      if (received.kind !== "stored") throw new Error(received.answer.text);
      return received.id;
    },
    async later(ms) {
      clock.set(clock.now() + ms);
      await pressure.look();
    },
    told() {
      const verdict = receiver.pressure();
      if (verdict.kind === "ok") return "ok";
      expect(verdict.close).toBe(false);
      expect(verdict.answer.text).toMatch(/^[ -~]+$/u);
      return `${verdict.answer.code} ${verdict.answer.enhanced} ${verdict.answer.text}`;
    },
  };
  return made;
}

const details = ({ events }: World): readonly string[] => events.of("back-pressure").map(({ detail }) => detail);

describe("the age of the queue", () => {
  it("refuses new mail when mail has waited too long and nothing gets out, and names it", async () => {
    const w = await world();
    const old = await w.submit();
    const since = new Date(w.clock.now()).toISOString();
    await w.later(11 * hour);
    await w.submit();
    expect(w.told()).toBe("ok");
    await w.later(hour + 1);
    // The first one finds out whether mail gets out.
    expect(w.told()).toBe("ok");
    expect(w.told()).toMatch(/^451 4\.3\.2 /u);
    expect(w.told()).toContain(`${old} has been waiting since ${since}`);
    expect(details(w)).toEqual([`${old} has been waiting since ${since}, and nothing has been delivered meanwhile`]);
  });

  it("lets one message in every five minutes, also when the clock goes back", async () => {
    const w = await world();
    await w.submit();
    await w.later(13 * hour);
    expect([w.told(), w.told()].map((answer) => answer === "ok")).toEqual([true, false]);
    await w.later(5 * minute - 1);
    expect(w.told()).not.toBe("ok");
    await w.later(1);
    expect([w.told(), w.told()].map((answer) => answer === "ok")).toEqual([true, false]);
    w.clock.set(w.clock.now() - 30 * minute);
    expect(w.told()).not.toBe("ok");
    w.clock.set(w.clock.now() + 5 * minute);
    expect(w.told()).toBe("ok");
  });

  it("is no trouble while other mail is delivered, and then costs no look at the queue", async () => {
    const w = await world();
    await w.submit();
    await w.later(13 * hour);
    w.told();
    expect(w.told()).not.toBe("ok");
    w.lastDelivery = w.clock.now();
    expect([w.told(), w.told()]).toEqual(["ok", "ok"]);
    const { scans } = w;
    await w.later(11 * hour);
    expect(w.scans).toBe(scans);
    expect(w.told()).toBe("ok");
    await w.later(hour + 1);
    w.told();
    expect(w.told()).toMatch(/^451 4\.3\.2 /u);
  });

  it("does not take a delivery for recent that was noted while the clock was ahead", async () => {
    const w = await world();
    await w.submit();
    w.lastDelivery = w.clock.now() + 365 * 24 * hour;
    await w.later(13 * hour);
    expect([w.told(), w.told()].map((answer) => answer.slice(0, 9))).toEqual(["ok", "451 4.3.2"]);
    w.lastDelivery = w.clock.now();
    expect(w.told()).toBe("ok");
  });

  it("ends when the old mail is gone or held", async () => {
    const w = await world();
    const [one, two] = [await w.submit(), await w.submit()];
    await w.later(13 * hour);
    w.told();
    expect(w.told()).toContain(one);
    await w.spool.update(one, delivered);
    await w.later(0);
    expect(w.told()).toContain(two);
    const hold = { reason: "by-administrator", detail: "", since: 0 } as const;
    await w.spool.update(two, (record) => ({ ...record, hold }));
    await w.later(0);
    expect([w.told(), w.told()]).toEqual(["ok", "ok"]);
    await w.spool.update(two, (record) => ({ ...record, hold: undefined, queuedSince: w.clock.now() }));
    await w.later(12 * hour);
    expect([w.told(), w.told()]).toEqual(["ok", "ok"]);
    await w.later(1);
    w.told();
    expect(w.told()).toContain(two);
  });

  it("is that of outbound mail, wherever in the queue it is", async () => {
    const w = await world();
    await put(w.spool, Buffer.from("x"), draft());
    await w.later(hour);
    const old = await w.submit();
    // Its next attempt is the furthest away of all.
    await w.spool.update(old, (record) => ({
      ...record,
      recipients: [queuedRecipient(mustAddress("x@kunde.example"), w.clock.now() + 100 * hour)],
    }));
    await w.later(hour);
    for (let n = 0; n < 1100; n++) await w.submit();
    await w.later(11 * hour);
    expect(w.told()).toBe("ok");
    await w.later(1);
    w.told();
    expect(w.told()).toContain(old);
    // Once one is known it is enough to look whether it still waits.
    const { scans } = w;
    await w.later(minute);
    expect(w.scans).toBe(scans);
  });

  it("does not matter where no limit is set", async () => {
    const w = await world({ queueAgeLimitMs: 0 });
    await w.submit();
    await w.later(1000 * hour);
    expect([w.told(), w.told(), w.scans]).toEqual(["ok", "ok", 0]);
  });
});

describe("relays in trouble", () => {
  it("are waited for, then refuse new mail, with one let in every five minutes", async () => {
    const w = await world();
    w.trouble = { detail: "relay strato is down: connection refused", since: w.clock.now() };
    await w.later(15 * minute - 1);
    expect(w.told()).toBe("ok");
    await w.later(1);
    expect(w.told()).toBe(
      "451 4.4.1 No new mail is taken just now: no relay can be used since 2026-11-24T08:00:00.000Z; try again later",
    );
    // What a relay said, which may name an account there, is for the operator alone.
    expect(w.events.of("back-pressure").map(({ detail }) => detail)).toEqual([
      "relay strato is down: connection refused, since 2026-11-24T08:00:00.000Z",
    ]);
    await w.later(5 * minute);
    expect([w.told(), w.told()].map((answer) => answer === "ok")).toEqual([true, false]);
    w.trouble = undefined;
    expect([w.told(), w.told()]).toEqual(["ok", "ok"]);
  });
});

describe("the spool", () => {
  it("refuses everything while it is full, without exception, and takes mail again at once", async () => {
    const w = await world({}, 100);
    const id = await w.submit();
    await expect(w.submit()).rejects.toThrow("no room");
    expect(w.told()).toMatch(/^452 4\.3\.1 /u);
    await w.later(hour);
    expect(w.told()).toMatch(/^452 4\.3\.1 /u);
    await w.spool.update(id, delivered);
    await w.submit();
    expect(w.told()).toBe("ok");
  });

  it("refuses everything while it cannot be written", async () => {
    const w = await world();
    w.faults.onCommit = () => new StoreError("Input/output error", false);
    await expect(w.submit()).rejects.toThrow("cannot be stored");
    expect(w.told()).toMatch(/^451 4\.3\.0 /u);
  });
});

describe("the event", () => {
  it("comes once when pressure begins and once when it has been gone for a minute", async () => {
    const w = await world();
    const trouble = { detail: "down", since: w.clock.now() };
    w.trouble = trouble;
    await w.later(15 * minute);
    for (let n = 0; n < 5; n++) {
      w.trouble = undefined;
      await w.later(minute / 2);
      expect(w.told()).toBe("ok");
      w.trouble = trouble;
      await w.later(minute / 2);
    }
    expect(details(w)).toHaveLength(1);
    w.trouble = undefined;
    await w.later(0);
    await w.later(minute - 1);
    expect(details(w)).toHaveLength(1);
    await w.later(1);
    expect(details(w)).toEqual([expect.stringContaining("down"), ""]);
  });

  it("comes without any mail being sent, and the watch ends with its signal", async () => {
    const w = await world({ queueAgeLimitMs: 10 * minute });
    await w.submit();
    const stop = new AbortController();
    const running = w.pressure.run(stop.signal);
    await w.clock.advance(11 * minute);
    expect(details(w)).toHaveLength(1);
    stop.abort();
    await running;
  });
});
