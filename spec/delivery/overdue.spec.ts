import { describe, expect, it } from "vitest";
import { mustAddress } from "../../src/core/address.ts";
import type { MessageId } from "../../src/core/ids.ts";
import type { Cause } from "../../src/core/outcome.ts";
import { overdue, type Hindrance } from "../../src/delivery/overdue.ts";
import { createOverdueSweep, type OverdueSweepPorts } from "../../src/delivery/overdue-sweep.ts";
import { notOwing } from "../../src/delivery/owed.ts";
import type { MessageRecord, Recipient } from "../../src/spool/record.ts";
import { release } from "../../src/spool/transitions.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { MemoryStore, openMemorySpool, type StoreFaults } from "../fakes/memory-spool.ts";
import { StoreError } from "../../src/spool/store.ts";
import { EventList, seededRandom } from "../spool/support.ts";
import {
  journal,
  kindsOf,
  outboundDraft,
  outboundRecord,
  ownReport,
  reply,
  stateOf,
  unreachable,
  wishes,
  type OutboundWishes,
} from "./outbound-records.ts";

const hour = 3_600_000;
const day = 24 * hour;
const rules = { delayNoticeMs: 4 * hour, giveUpMs: 5 * day };
const [a, b] = [mustAddress("a@x.example"), mustAddress("b@x.example")];
const down: Hindrance = { cause: unreachable };
const never = new AbortController().signal;

/** Tried before, and to be tried again later. */
function tried(record: MessageRecord, lastCause: Cause, more: Partial<Recipient> = {}): MessageRecord {
  return {
    ...record,
    recipients: record.recipients.map((one) => ({
      ...one,
      state: { kind: "queued", nextAttemptAt: 1e15, attempts: 9 },
      lastCause,
      ...more,
    })),
  };
}

describe("late mail", () => {
  it("is told of once, when it has waited long enough", () => {
    const record = outboundRecord({ to: ["a@x.example", "b@x.example"] });
    expect(overdue(record, 4 * hour - 1, rules)).toBe(record);
    const after = overdue(record, 4 * hour, rules);
    expect(after.owed).toEqual([{ kind: "delayed", recipients: [a, b], since: 4 * hour }]);
    expect(after.recipients.map(({ delayNoticeAt }) => delayNoticeAt)).toEqual([4 * hour, 4 * hour]);
    expect(kindsOf(after)).toEqual(["queued", "queued"]);
    expect(overdue(after, 5 * hour, rules)).toBe(after);
    const made = notOwing(after, "delayed", [a, b]);
    expect(overdue(made, 4 * day, rules)).toBe(made);
  });

  it("is told of as NOTIFY says, and only while it waits", () => {
    const to = [
      ["a@x.example", wishes("NEVER")],
      ["b@x.example", wishes("SUCCESS", "FAILURE")],
      ["c@x.example", wishes("DELAY")],
      ["d@x.example", undefined],
      ["e@x.example", undefined],
    ] as const;
    const record = outboundRecord({ to });
    const [, , c, d, e] = record.recipients;
    const taken = { kind: "delivered", at: 1, reply: { code: 250, enhanced: undefined, text: "" } } as const;
    const recipients = record.recipients.map((one) => (one === e ? { ...one, state: taken } : one));
    expect(overdue({ ...record, recipients }, 4 * hour, rules).owed).toMatchObject([
      { kind: "delayed", recipients: [c?.address, d?.address] },
    ]);
    for (const wanted of [journal, ownReport]) {
      const quiet = outboundRecord(wanted);
      expect(overdue(quiet, 4 * hour, rules)).toBe(quiet);
    }
  });

  it("is outbound mail that is not held", () => {
    const inbound = outboundRecord({}, { direction: "inbound" });
    expect(overdue(inbound, 9 * day, rules)).toBe(inbound);
    const held = outboundRecord({}, { hold: { reason: "by-administrator", detail: "", since: 1 } });
    expect(overdue(held, 9 * day, rules)).toBe(held);
  });
});

describe("mail that is too old", () => {
  it("expires with the last cause, and its sender is told of that alone", () => {
    const late = overdue(
      tried(outboundRecord({ to: ["a@x.example", "b@x.example"] }), reply(450, "4.2.0")),
      day,
      rules,
    );
    const after = overdue(late, 5 * day, rules, () => down);
    expect(stateOf(after, a)).toEqual({ kind: "expired", at: 5 * day, cause: reply(450, "4.2.0") });
    expect(after.owed).toEqual([{ kind: "failed", recipients: [a, b], since: 5 * day }]);
    expect(overdue(after, 6 * day, rules)).toBe(after);
  });

  it("expires without a report where NOTIFY has none", () => {
    const after = overdue(outboundRecord({ to: [["a@x.example", wishes("NEVER")]] }), 5 * day, rules);
    expect(kindsOf(after)).toEqual(["expired"]);
    expect(after.owed ?? []).toEqual([]);
  });

  it("that was never tried expires with what the destination says", () => {
    const after = overdue(outboundRecord(), 5 * day, rules, () => down);
    expect(stateOf(after, a)).toMatchObject({ kind: "expired", cause: unreachable });
    expect(stateOf(overdue(outboundRecord(), 5 * day, rules), a)).toMatchObject({ cause: { kind: "internal" } });
  });

  it("has an attempt first when it is due and a way is open, even if it is a week old", () => {
    const record = outboundRecord();
    const notice = overdue(record, 7 * day, rules, () => undefined);
    expect(kindsOf(notice)).toEqual(["queued"]);
    expect(overdue(notice, 8 * day, rules, () => undefined)).toBe(notice);
    const once = tried(notice, reply(450, "4.2.0"));
    expect(kindsOf(overdue(once, 8 * day, rules, () => undefined))).toEqual(["expired"]);
  });

  it.each([
    ["sender", "sender-refused"],
    ["auth", "gave-up"],
    ["quota", "gave-up"],
  ] as const)("is held, not bounced, for trouble with the account: %s", (account, reason) => {
    const cause = reply(553, "5.7.1", "mail", "x");
    const after = overdue(outboundRecord(), 5 * day, rules, () => ({ cause, account }));
    expect(stateOf(after, a)).toMatchObject({
      kind: "held",
      hold: { reason, detail: "mail: 553 5.7.1 x", since: 5 * day },
    });
    expect((after.owed ?? []).map(({ kind }) => kind)).not.toContain("failed");
  });

  it("is held with the account's trouble, though it ran into something else before", () => {
    const cause = reply(535, "5.7.8", "mail", "wrong password");
    const before = tried(outboundRecord(), reply(450, "4.2.0"));
    const after = overdue(before, 5 * day, rules, () => ({ cause, account: "auth" }));
    expect(stateOf(after, a)).toMatchObject({ kind: "held", hold: { detail: "mail: 535 5.7.8 wrong password" } });
  });

  it("is held when the account's trouble was the last thing it ran into", () => {
    const cause = reply(553, "5.7.1", "rcpt", "Sender address rejected: not owned by user x");
    const after = overdue(tried(outboundRecord(), cause), 5 * day, rules);
    expect(stateOf(after, a)).toMatchObject({ kind: "held", hold: { reason: "sender-refused" } });
  });

  it("with the null reverse path is held if it was submitted, and ends if it was a report of our own", () => {
    expect(stateOf(overdue(outboundRecord(journal), 5 * day, rules), a)).toMatchObject({
      kind: "held",
      hold: { reason: "gave-up" },
    });
    const ended = overdue(outboundRecord(ownReport), 5 * day, rules);
    expect(kindsOf(ended)).toEqual(["expired"]);
    expect(ended.owed ?? []).toEqual([]);
  });

  it("starts anew when a person releases it; a notice of delay is not repeated", () => {
    const cause = reply(535, "5.7.8", "mail");
    const late = overdue(outboundRecord(), day, rules);
    const held = overdue(late, 5 * day, rules, () => ({ cause, account: "auth" }));
    const released = release(held, "all", { by: "x", at: 6 * day });
    expect(overdue(released, 10 * day, rules, () => down)).toBe(released);
    expect(kindsOf(overdue(released, 11 * day, rules, () => down))).toEqual(["expired"]);
  });
});

describe("the sweep", () => {
  async function world(more: Partial<OverdueSweepPorts> = {}, faults: StoreFaults = {}) {
    const clock = new ManualClock();
    const events = new EventList();
    const random = seededRandom();
    const store = new MemoryStore(faults);
    // The spool looks after itself every few seconds; days of that are not what is tested here.
    const quiet = {
      now: () => clock.now(),
      sleep: async (_: number, signal: AbortSignal) => clock.sleep(1e12, signal),
    };
    const open = async () => openMemorySpool({ clock: quiet, events, random }, store);
    let spool = await open();
    const sweep = () =>
      createOverdueSweep({
        spool,
        clock,
        events,
        rules,
        isUnderWay: () => false,
        hindranceOf: () => down,
        ...more,
      });
    return {
      clock,
      events,
      sweep,
      spool: () => spool,
      async reopen() {
        await spool[Symbol.asyncDispose]();
        spool = await open();
      },
      async add(wanted: OutboundWishes = {}, direction: "inbound" | "outbound" = "outbound"): Promise<MessageId> {
        await using ingest = spool.begin();
        await ingest.write(Buffer.from("Subject: x\r\n\r\n"));
        await ingest.commit({ ...outboundDraft({ at: clock.now(), ...wanted }), direction }, undefined);
        return ingest.id;
      },
      async record(id: MessageId): Promise<MessageRecord> {
        const found = (await spool.load(id)) ?? (await spool.history(id));
        if (found === undefined) throw new Error(`no message ${id}`);
        return found;
      },
    };
  }

  it("tells of a relay that is down for five days, though no message was ever tried: once each, over restarts", async () => {
    const w = await world();
    const early = await w.add();
    await w.clock.advance(hour);
    const later = await w.add();
    await w.clock.advance(3 * hour);
    await w.sweep().tick(never);
    expect((await w.record(early)).owed).toMatchObject([{ kind: "delayed" }]);
    expect((await w.record(later)).owed).toBeUndefined();
    // The report is made, and the process begins anew.
    await w.spool().update(early, (record) => notOwing(record, "delayed", [a]));
    await w.reopen();
    await w.clock.advance(hour);
    await w.sweep().tick(never);
    await w.sweep().tick(never);
    expect((await w.record(early)).owed).toEqual([]);
    expect((await w.record(later)).owed).toMatchObject([{ kind: "delayed" }]);
    expect(w.events.of("expired")).toEqual([]);

    await w.clock.advance(5 * day - 5 * hour);
    await w.sweep().tick(never);
    await w.reopen();
    await w.sweep().tick(never);
    expect(kindsOf(await w.record(early))).toEqual(["expired"]);
    expect((await w.record(early)).owed).toMatchObject([{ kind: "failed", recipients: [a] }]);
    expect(kindsOf(await w.record(later))).toEqual(["queued"]);
    expect(w.events.of("expired")).toEqual([
      { kind: "expired", message: early, recipients: [a], cause: "connect: refused (ECONNREFUSED)" },
    ]);
  });

  it("looks at all of many, and at none that is young, under way or inbound", async () => {
    const busy = new Set<MessageId>();
    const w = await world({ isUnderWay: (id) => busy.has(id) });
    const many = await Promise.all(Array.from({ length: 1203 }, async () => w.add()));
    const [first] = many;
    if (first !== undefined) busy.add(first);
    const inward = await w.add({}, "inbound");
    await w.clock.advance(5 * day);
    const young = await w.add();
    await w.sweep().tick(never);
    expect(w.events.of("expired")).toHaveLength(1202);
    for (const id of [inward, young, ...busy]) expect(kindsOf(await w.record(id))).toEqual(["queued"]);
    busy.clear();
    await w.sweep().tick(never);
    expect(w.events.of("expired")).toHaveLength(1203);
  });

  it("ends what nobody wants to hear of, and says who is held", async () => {
    const w = await world();
    const quiet = await w.add({ to: [["a@x.example", wishes("NEVER")]] });
    const kept = await w.add(journal);
    await w.clock.advance(5 * day);
    await w.sweep().tick(never);
    expect(await w.spool().history(quiet)).toBeDefined();
    expect(w.events.of("ended").map(({ message }) => message)).toEqual([quiet]);
    expect(w.events.of("held")).toMatchObject([{ message: kept, recipient: a, reason: "gave-up" }]);
  });

  it("ends its round when the spool cannot be written, and goes on with the next", async () => {
    const faults: StoreFaults = {};
    const w = await world({}, faults);
    const id = await w.add();
    await w.clock.advance(5 * day);
    faults.onCommit = () => new StoreError("no", false);
    await w.sweep().tick(never);
    expect(kindsOf(await w.record(id))).toEqual(["queued"]);
    expect(w.events.of("internal-error")).toEqual([]);
    faults.onCommit = undefined;
    await w.sweep().tick(never);
    expect(kindsOf(await w.record(id))).toEqual(["expired"]);
  });

  it("tells a fault of our own at one message once, and leaves the others alone", async () => {
    const bad = new Set<MessageId>();
    const w = await world({
      hindranceOf: ({ id }) => {
        if (bad.has(id)) throw new TypeError("a bug");
        return down;
      },
    });
    bad.add(await w.add());
    const good = await w.add();
    await w.clock.advance(5 * day);
    const sweep = w.sweep();
    await sweep.tick(never);
    await sweep.tick(never);
    expect(kindsOf(await w.record(good))).toEqual(["expired"]);
    expect(w.events.of("internal-error")).toHaveLength(1);
  });

  it("runs every minute, some minutes after the start, until it is stopped", async () => {
    const w = await world();
    const id = await w.add();
    w.clock.set(w.clock.now() + 4 * hour);
    const stop = new AbortController();
    const running = w.sweep().run(stop.signal);
    await w.clock.advance(4 * 60_000);
    expect((await w.record(id)).owed).toBeUndefined();
    await w.clock.advance(2 * 60_000);
    expect((await w.record(id)).owed).toHaveLength(1);
    await w.clock.advance(5 * day);
    expect(kindsOf(await w.record(id))).toEqual(["expired"]);
    stop.abort();
    await running;
  });
});
