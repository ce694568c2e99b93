import { describe, expect, it } from "vitest";
import { mustAddress } from "../../src/core/address.ts";
import type { MessageId } from "../../src/core/ids.ts";
import { Health } from "../../src/spool/health.ts";
import { SpoolError } from "../../src/spool/port.ts";
import type { MessageDraft, MessageRecord } from "../../src/spool/record.ts";
import { defaultSpoolOptions, openOn, type OwnedSpool } from "../../src/spool/spool.ts";
import { drop, holdRecipients, release } from "../../src/spool/transitions.ts";
import { verifyStore } from "../../src/spool/verify.ts";
import { outboundDraft, reply } from "../delivery/outbound-records.ts";
import { FaultyStore, noFaults, type FaultPlan } from "../fakes/faulty-store.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { MemoryStore } from "../fakes/memory-spool.ts";
import {
  account,
  delivered,
  draft,
  EventList,
  ledgerDraft,
  ledgerEntry,
  octets,
  read,
  seededRandom,
} from "./support.ts";

const maxOctets = 40_000;
const chunkOctets = 1000;
const signal = new AbortController().signal;
const act = { by: "local:root", at: 5 };

/** What the spool has promised so far. */
interface Promised {
  /** By unique id: what was said to be stored, or, without an id, to be known already. */
  readonly taken: Map<string, { readonly id: MessageId | undefined; readonly body: Buffer }>;
  readonly ended: Set<MessageId>;
  readonly forgotten: Set<string>;
}

interface World {
  readonly disk: MemoryStore;
  readonly clock: ManualClock;
  readonly events: EventList;
  readonly promised: Promised;
}

function newWorld(): World {
  return {
    disk: new MemoryStore(),
    clock: new ManualClock(),
    events: new EventList(),
    promised: { taken: new Map(), ended: new Set(), forgotten: new Set() },
  };
}

async function openFaulty(world: World, store: FaultyStore, atEnd: () => void = () => undefined): Promise<OwnedSpool> {
  const options = { ...defaultSpoolOptions, dir: "memory", maxOctets, minFreeOctets: 0, historyDays: 30, chunkOctets };
  const ports = { clock: world.clock, random: seededRandom(world.disk.commits + 1), events: world.events };
  return openOn(store, new Health(undefined, options, ports), options, ports, atEnd);
}

/** What a caller may see of a fault is `SpoolError`; anything else is a fault of ours, unless it was planned. */
async function attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SpoolError || (error instanceof TypeError && error.message.endsWith("as planned")))
      return undefined;
    throw error;
  }
}

/** A day in the life of a spool, each step of which may fail. */
async function day(spool: OwnedSpool, world: World): Promise<void> {
  const { promised, clock } = world;
  const once = { onceFor: "content-and-recipient" } as const;
  const small = await take("small", octets(500, 1), draft());
  const large = await take("large", octets(12_500, 2), draft());
  const held = await take("held", octets(1500, 3), draft({ held: "loop" }));
  await Promise.all([
    take("copy-1", octets(2500, 4), draft({ content: "one" }), once),
    take("copy-2", octets(2600, 5), draft({ content: "one" }), once),
  ]);
  const sent = await take("sent", octets(700, 6), outboundDraft({ to: ["a@x.example"] }));

  await end(small, delivered);
  await change(large, (record) => holdRecipients(record, "all", { reason: "loop", detail: "", since: 5 }, "x"));
  await change(large, (record) => release(record, "all", act));
  await end(large, delivered);
  await end(held, (record) => drop(record, "all", act));
  await change(sent, bouncedAndOwed);
  const owed = (await attempt(async () => spool.owed(undefined, 9))) ?? [];
  for (const of of owed) {
    const settles = { id: of, change: (record: MessageRecord) => ({ ...record, owed: [] }) };
    const origin = { kind: "local", purpose: "report" } as const;
    if ((await take(`report-${of}`, octets(300, 7), { ...draft(), origin }, { settles })) !== undefined)
      promised.ended.add(of);
  }

  await attempt(async () => spool.put(account(), [ledgerEntry("other"), ledgerEntry("old", { state: "gone" })]));
  if ((await attempt(async () => spool.forget(account(), ["other"]).then(() => true))) === true)
    promised.forgotten.add("other");
  await attempt(async () => spool.putState(account(), { polls: 1 }));
  for (const look of [
    async () => spool.list(undefined, 9),
    async () => spool.held(undefined, 9),
    async () => spool.ended(0, clock.now() + 1),
    async () => spool.byMessageIdField("<small@x>"),
    async () => spool.nextDueAt("inbound"),
    async () => spool.due("outbound", clock.now(), 9),
    async () => spool.entries(account()),
    async () => spool.state(account()),
    async () => (small === undefined ? undefined : spool.history(small)),
    async () => Promise.resolve().then(() => spool.counts()),
    async () => spool.audit(signal),
  ] satisfies (() => Promise<unknown>)[])
    await attempt(look);
  await attempt(async () => spool.maintain());

  /** As a collector does: what the ledger knows is not fetched again. */
  async function take(
    uidl: string,
    body: Buffer,
    what: MessageDraft,
    options: Parameters<ReturnType<OwnedSpool["begin"]>["commit"]>[2] = {},
  ): Promise<MessageId | undefined> {
    const before = promised.taken.get(uidl);
    if (before !== undefined) return before.id;
    return attempt(async () => {
      await using ingest = spool.begin();
      for (let at = 0; at < body.length; at += 700) await ingest.write(Buffer.from(body.subarray(at, at + 700)));
      const summary = { ...what.summary, messageId: `<${uidl}@x>` };
      const ledger = what.direction === "inbound" ? ledgerDraft(uidl) : undefined;
      const result = await ingest.commit({ ...what, summary }, ledger, options);
      const id = result.kind === "stored" ? result.record.id : undefined;
      promised.taken.set(uidl, { id, body });
      return id;
    });
  }

  async function change(id: MessageId | undefined, to: (record: MessageRecord) => MessageRecord): Promise<boolean> {
    if (id === undefined || promised.ended.has(id)) return false;
    return (await attempt(async () => spool.update(id, to))) !== undefined;
  }

  async function end(id: MessageId | undefined, to: (record: MessageRecord) => MessageRecord): Promise<void> {
    if (id !== undefined && (await change(id, to))) promised.ended.add(id);
  }
}

function bouncedAndOwed(record: MessageRecord): MessageRecord {
  const recipients = record.recipients.map((one) => ({
    ...one,
    state: { kind: "expired" as const, at: 1, cause: reply(550, "5.1.1") },
  }));
  return { ...record, recipients, owed: [{ kind: "failed", recipients: [mustAddress("a@x.example")], since: 1 }] };
}

/** Nothing that was promised is lost, nothing that was not is there, and nothing is there twice. */
async function expectKept(spool: OwnedSpool, { disk, promised }: World): Promise<void> {
  const known = new Set<string>();
  for (const [uidl, { id, body }] of promised.taken) {
    expect([uidl, (await spool.byMessageIdField(`<${uidl}@x>`)).length]).toEqual([uidl, id === undefined ? 0 : 1]);
    if (id === undefined) continue;
    known.add(id);
    const record = await spool.load(id);
    expect([uidl, record === undefined]).toEqual([uidl, promised.ended.has(id)]);
    if (record === undefined) expect(await spool.history(id)).toMatchObject({ id, size: body.length });
    else expect((await read(spool, id)).equals(body)).toBe(true);
  }
  const all = [...disk.keys("message", "", undefined, 99), ...disk.keys("history", "", undefined, 99)];
  expect(all.filter((id) => !known.has(id))).toEqual([]);
  const uidls = (await spool.entries(account())).map(({ uidl }) => uidl);
  const inbound = [...promised.taken.keys()].filter((uidl) => uidl !== "sent");
  expect(uidls.filter((uidl) => uidl !== "other" && uidl !== "old").toSorted()).toEqual(inbound.toSorted());
  if (promised.forgotten.has("other")) expect(uidls).not.toContain("other");
}

/** Exactly so many octets are allowed as are configured: what a refused message has left in the count would shift that. */
async function expectNothingCounted(spool: OwnedSpool): Promise<void> {
  await using filling = spool.begin();
  await filling.write(Buffer.alloc(maxOctets - spool.counts().octets));
  {
    await using another = spool.begin();
    expect(another.size).toBe(0);
  }
  await filling.write(Buffer.alloc(1));
  expect(() => spool.begin()).toThrow(expect.objectContaining({ code: "SPOOL_FULL" }));
}

interface Day {
  readonly calls: number;
  readonly faults: number;
  /** What was told of the spool's health. */
  readonly told: readonly string[];
}

/** How many calls the store had while the plan was in force, and how many of them failed. */
async function dayWithFault(plan: FaultPlan): Promise<Day> {
  const world = newWorld();
  const faulty = new FaultyStore(world.disk);
  let ends = 0;
  faulty.plan = plan;
  // What keeps it from opening is told as such, also by a store that cannot be closed.
  const spool = await attempt(async () => openFaulty(world, faulty, () => void (ends += 1)));
  let { calls } = faulty;
  let told: readonly string[] = [];
  if (spool !== undefined) {
    await day(spool, world);
    // The spool looks after itself with the fault, and without it.
    await world.clock.advance(65_000);
    ({ calls } = faulty);
    told = world.events.kinds.filter((kind) => /^spool-(?:failed|full)$/u.test(kind));
    faulty.plan = noFaults;
    await world.clock.advance(65_000);
    expect(spool.health()).toEqual({ kind: "ok" });
    await expectKept(spool, world);
    await expectNothingCounted(spool);
    await spool[Symbol.asyncDispose]();
  }
  expect({ ends, closed: faulty.closed, late: faulty.lateCalls, underWay: faulty.underWayAtClose }).toEqual({
    ends: 1,
    closed: 1,
    late: 0,
    underWay: 0,
  });

  // The next start, on the same disk: what was not done is done, and nothing of it twice.
  await using again = await openFaulty(world, new FaultyStore(world.disk));
  await day(again, world);
  await again.maintain();
  await expectKept(again, world);
  expect(world.promised.taken.size).toBe(7);
  expect(await verifyStore(world.disk)).toMatchObject({ faults: [], leftovers: 0, setAside: 0 });
  expect(await again.audit(signal)).toMatchObject({ wrong: 0, steady: true });
  // Trouble of its own is told with its cause, and of no other there is any.
  for (const { detail } of world.events.of("internal-error")) expect(detail).toContain("as planned");
  return { calls, faults: faulty.faults, told };
}

describe("a store that fails", () => {
  it("at no call: the day comes to its end", async () => {
    const { calls, faults } = await dayWithFault(noFaults);
    expect(faults).toBe(0);
    expect(calls).toBeGreaterThan(100);
  });

  it("once, at each of its calls in turn: nothing promised is lost, nothing is there twice, nothing stays open", async () => {
    const { calls } = await dayWithFault(noFaults);
    for (let at = 1; at <= calls; at++) {
      const { faults } = await dayWithFault((_, number) => (number === at ? "fails" : "works"));
      expect({ at, faults }).toEqual({ at, faults: 1 });
    }
  });

  it("from each of its calls on, until it works again: the same", async () => {
    const { calls } = await dayWithFault(noFaults);
    for (let at = 1; at <= calls; at++) {
      const { faults } = await dayWithFault((_, number) => (number >= at ? "fails" : "works"));
      expect({ at, faults: faults > 0 }).toEqual({ at, faults: true });
    }
  });

  it("for want of room, from each of its calls on: the same, and what is stored is read all the while", async () => {
    const { calls } = await dayWithFault(noFaults);
    let days = 0;
    for (let at = 1; at <= calls; at++) {
      const { faults } = await dayWithFault((call, number) => (call === "commit" && number >= at ? "full" : "works"));
      if (faults > 0) days += 1;
    }
    expect(days).toBeGreaterThan(calls / 2);
  });

  it("by what no store may throw, at each of its calls in turn: the same, and the spool is not taken for broken", async () => {
    const { calls } = await dayWithFault(noFaults);
    for (let at = 1; at <= calls; at++) {
      const { faults, told } = await dayWithFault((_, number) => (number === at ? "breaks" : "works"));
      expect({ at, faults, told }).toEqual({ at, faults: 1, told: [] });
    }
  });
});
