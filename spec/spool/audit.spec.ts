import { describe, expect, it } from "vitest";
import { mustAddress } from "../../src/core/address.ts";
import { auditSpool, auditStore } from "../../src/spool/audit.ts";
import { contradictionsOf, dropperText } from "../../src/spool/audit-record.ts";
import type { MessageRecord, Recipient } from "../../src/spool/record.ts";
import { defaultSpoolOptions, openSpool } from "../../src/spool/spool.ts";
import type { Store, Write } from "../../src/spool/store.ts";
import { drop } from "../../src/spool/transitions.ts";
import { outboundDraft, outboundRecord, reply } from "../delivery/outbound-records.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { MemoryStore, openMemorySpool } from "../fakes/memory-spool.ts";
import {
  account,
  delivered,
  draft,
  EventList,
  ledgerEntry,
  octets,
  seededRandom,
  store,
  stored,
  TemporaryDirectory,
} from "./support.ts";

const signal = new AbortController().signal;
const cause = reply(550, "5.1.1");
const a = mustAddress("a@x.example");

function bounced(record: MessageRecord): MessageRecord {
  const recipients = record.recipients.map((one) => ({ ...one, state: { kind: "bounced" as const, at: 1, cause } }));
  return { ...record, recipients };
}

/** One of each: due, held, delivered, bounced with its report, dropped; from box, listener and popgate itself. */
async function sound(): Promise<{
  disk: MemoryStore;
  due: MessageRecord;
  fetched: MessageRecord;
  held: MessageRecord;
}> {
  const disk = new MemoryStore();
  const clock = new ManualClock();
  const ports = { clock, random: seededRandom(), events: new EventList() };
  await using spool = await openMemorySpool(ports, disk, { chunkOctets: 1000 });
  const due = await stored(spool, octets(10), draft({ at: 5, messageId: "<due@x>" }));
  const held = await stored(spool, octets(10), draft({ held: "loop" }));
  const dropped = await stored(spool, octets(10), draft({ to: ["weg@firma.example", "chef@firma.example"] }));
  await spool.update(dropped.id, (record) => drop(record, "all", { by: "web:erika", at: 7 }));
  await clock.advance(10);
  const origin = { kind: "pop3", account: account(), uidl: "1" } as const;
  const result = await store(
    spool,
    octets(20),
    { ...draft(), origin },
    {
      account: account(),
      entry: ledgerEntry("1", { fetchedAt: clock.now() }),
    },
  );
  if (result.kind !== "stored") throw new Error("a duplicate");
  await spool.update(result.record.id, delivered);
  const sent = await stored(spool, octets(30), outboundDraft({ to: ["a@x.example"] }));
  const report = await stored(spool, octets(5), { ...draft(), origin: { kind: "local", purpose: "report" } });
  await spool.update(sent.id, bounced);
  await spool.update(report.id, delivered);
  await spool.maintain();
  return { disk, due, fetched: result.record, held };
}

describe("an audit", () => {
  it("accounts for every message and every recipient of a sound spool", async () => {
    const { disk } = await sound();
    expect(await auditStore(disk, signal)).toEqual({
      messages: 6,
      open: 2,
      ended: 4,
      ways: [
        { direction: "inbound", origin: "box", messages: 1, open: 0, ended: 1 },
        { direction: "inbound", origin: "popgate (notice)", messages: 3, open: 2, ended: 1 },
        { direction: "inbound", origin: "popgate (report)", messages: 1, open: 0, ended: 1 },
        { direction: "outbound", origin: "listener", messages: 1, open: 0, ended: 1 },
      ],
      recipients: { queued: 1, held: 0, delivered: 2, bounced: 1, expired: 0, dropped: 2 },
      undecided: 1,
      failures: { reported: 1, owed: 0, unwished: 0 },
      reports: 1,
      droppedBy: { "web:erika": 2 },
      forgotten: 0,
      steady: true,
      wrong: 0,
      inconsistencies: [],
    });
  });

  type Records = Awaited<ReturnType<typeof sound>>;
  const put = (table: Write["table"], key: string, value: Buffer = Buffer.alloc(0)): Write => ({ table, key, value });
  const remove = (table: Write["table"], key: string): Write => ({ table, key, value: undefined });
  const keyOf = (disk: MemoryStore, table: Write["table"], id: string): string =>
    disk.keys(table, "", undefined, 99).find((key) => key.endsWith(id)) ?? "";
  const rows: readonly [string, (records: Records) => Write[], (records: Records) => string, string][] = [
    [
      "a message that was taken from a box and is nowhere",
      ({ disk, fetched }) => [remove("history", fetched.id), remove("ended", keyOf(disk, "ended", fetched.id))],
      ({ fetched }) => fetched.id,
      "it was taken as 1, and neither queue nor history has it",
    ],
    [
      "a message that was taken with a Message-ID and is nowhere",
      ({ disk, due }) => [remove("message", due.id), remove("due", keyOf(disk, "due", due.id))],
      ({ due }) => due.id,
      "it was taken, and neither queue nor history has it",
    ],
    [
      "other octets than were taken",
      ({ disk, fetched }) => [
        put("history", fetched.id, edited(disk.get("history", fetched.id), { digest: "0", contentDigest: "0" })),
      ],
      ({ fetched }) => fetched.id,
      "it has another digest than what was taken as 1",
    ],
    [
      "one in the queue and in the history",
      ({ disk, fetched }) => [put("message", fetched.id, disk.get("history", fetched.id))],
      ({ fetched }) => fetched.id,
      "it is in the history, and in the queue as well",
    ],
    [
      "an end that has not come for a recipient",
      ({ disk, fetched, due }) => [
        put("history", fetched.id, edited(disk.get("history", fetched.id), { recipients: due.recipients })),
      ],
      ({ fetched }) => fetched.id,
      "it has ended, and chef@firma.example is queued",
    ],
    [
      "an end with a report owed",
      ({ disk, fetched }) => [
        put(
          "history",
          fetched.id,
          edited(disk.get("history", fetched.id), { owed: [{ kind: "delayed", recipients: [], since: 1 }] }),
        ),
      ],
      ({ fetched }) => fetched.id,
      "it has ended, and its sender is owed a report",
    ],
    [
      "a held one that its index does not have",
      ({ held }) => [remove("held", held.id)],
      ({ held }) => held.id,
      "the index of what is held does not have it",
    ],
    [
      "one that is due twice",
      ({ due }) => [put("due", `000000000000009/${due.id}`)],
      ({ due }) => due.id,
      "the index due has it, and it is not due then",
    ],
    [
      "an end that its index does not have",
      ({ disk, fetched }) => [remove("ended", keyOf(disk, "ended", fetched.id))],
      ({ fetched }) => fetched.id,
      "the index of what has ended does not have it",
    ],
    [
      "a failure without a report",
      ({ disk }) => {
        const history = disk.range("history", "", undefined, 99);
        return history
          .filter(({ value }) => value.includes('"purpose":"report"'))
          .flatMap(({ key }) => [remove("history", key), remove("ended", keyOf(disk, "ended", key))]);
      },
      () => "",
      "the senders of 1 messages were told of a failure, and there are 0 reports",
    ],
  ];

  it.each(rows)("names %s", async (_, spoil, id, detail) => {
    const records = await sound();
    await records.disk.commit(spoil(records));
    const audit = await auditStore(records.disk, signal);
    expect(audit.wrong).toBeGreaterThan(0);
    expect(audit.inconsistencies).toContainEqual({
      id: id(records),
      // oxlint-disable-next-line typescript/no-unsafe-assignment -- vitest's matchers are any
      detail: expect.stringContaining(detail),
    });
  });

  it("counts what the history has forgotten, and does not miss it", async () => {
    const { disk, fetched } = await sound();
    const ended = disk.keys("ended", "", undefined, 99);
    await disk.commit([
      remove("history", fetched.id),
      ...ended.map((key) => remove("ended", key)),
      ...disk.keys("history", "", undefined, 99).map((key) => remove("history", key)),
    ]);
    expect(await auditStore(disk, signal)).toMatchObject({ forgotten: 1, wrong: 0, messages: 2 });
  });

  it("counts once what ends, and leaves out nothing that comes in, while it looks", async () => {
    using dir = new TemporaryDirectory();
    const options = { ...defaultSpoolOptions, dir: dir.path, maxOctets: 1e12, minFreeOctets: 0, ballastOctets: 0 };
    const ports = { clock: new ManualClock(), random: seededRandom(), events: new EventList() };
    {
      await using spool = await openSpool({ ...options, historyDays: 30 }, ports);
      const records = await Promise.all(Array.from({ length: 300 }, async () => stored(spool, octets(10))));
      const auditing = spool.audit(signal);
      await Promise.all(records.slice(0, 290).map(async ({ id }) => spool.update(id, delivered)));
      expect(await auditing).toMatchObject({ messages: 300, steady: true, inconsistencies: [] });
      expect(await spool.audit(signal)).toMatchObject({ messages: 300, open: 10, ended: 290 });
      await expect(auditSpool(dir.path, signal)).rejects.toMatchObject({ code: "SPOOL_UNUSABLE" });
    }
    expect(await auditSpool(dir.path, signal)).toMatchObject({ messages: 300, open: 10, ended: 290, wrong: 0 });
  });

  it("says when mail came in all the while, and compares no sums then", async () => {
    const { disk } = await sound();
    let more = 0;
    const busy: Store = {
      get: (table, key) => disk.get(table, key),
      range: (table, from, to, limit) => disk.range(table, from, to, limit),
      keys: (table, from, to, limit) => disk.keys(table, from, to, limit),
      commit: async (writes) => disk.commit(writes),
      stats: (table) => ({ ...disk.stats(table), entries: disk.stats(table).entries + more++ }),
      backup: async () => disk.backup(),
      close: async () => disk.close(),
    };
    expect(await auditStore(busy, signal)).toMatchObject({ steady: false, messages: 6, wrong: 0 });
  });

  it("ends with the signal", async () => {
    const { disk } = await sound();
    for (let n = 0; n < 200; n++) await disk.commit([put("ledger", `box/${n}`, Buffer.from("{}"))]);
    await expect(auditStore(disk, AbortSignal.abort(new Error("gone")))).rejects.toThrow("gone");
  });
});

describe("a record contradicts itself", () => {
  const one = (state: Recipient["state"]): Recipient[] => [{ ...base, state }];
  const base: Omit<Recipient, "state"> = { address: a, lastCause: undefined, unconfirmed: 0, dsn: undefined };
  const rows: readonly [string, Partial<MessageRecord>, string][] = [
    [
      "by a delivery without a good reply",
      { recipients: one({ kind: "delivered", at: 1, reply: { code: 451, enhanced: undefined, text: "" } }) },
      "a@x.example is delivered by the reply 451",
    ],
    [
      "by the failure of who has not failed",
      { owed: [{ kind: "failed", recipients: [a], since: 1 }] },
      "a failure of a@x.example is owed, which is queued",
    ],
    [
      "by a report about a stranger",
      { owed: [{ kind: "delayed", recipients: [mustAddress("b@x.example")], since: 1 }] },
      "a report (delayed) is owed about b@x.example, who is no recipient",
    ],
    [
      "by a recipient twice",
      { recipients: [...outboundRecord().recipients, ...outboundRecord().recipients] },
      "a@x.example is a recipient twice",
    ],
    ["by waiting for nothing", { recipients: [] }, "it is in the queue, and there is nothing left to do"],
  ];
  it.each(rows)("%s", (_, change, words) => {
    expect(contradictionsOf({ ...outboundRecord(), ...change }, undefined)).toContain(words);
  });

  it("and does not as it is made", () => {
    expect(contradictionsOf(outboundRecord(), undefined)).toEqual([]);
  });
});

it("who dropped is named without whom it went to instead", () => {
  expect(dropperText("redirected to b@x.example by web:erika")).toBe("redirected by web:erika");
  expect(dropperText("local:root")).toBe("local:root");
});

function edited(octetsOfRecord: Buffer | undefined, change: Readonly<Record<string, unknown>>): Buffer {
  const record: unknown = JSON.parse(octetsOfRecord?.toString() ?? "{}");
  return Buffer.from(JSON.stringify({ ...(typeof record === "object" ? record : {}), ...change }));
}
