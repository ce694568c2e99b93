import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { mustAddress, nullReversePath } from "../../src/core/address.ts";
import { auditSpool, auditStore } from "../../src/spool/audit.ts";
import { contradictionsOf } from "../../src/spool/audit-record.ts";
import { AuditTally } from "../../src/spool/audit-tally.ts";
import { encode } from "../../src/spool/codec.ts";
import type { HistoryRecord, MessageRecord, Recipient } from "../../src/spool/record.ts";
import { defaultSpoolOptions, openSpool } from "../../src/spool/spool.ts";
import type { Store, Write } from "../../src/spool/store.ts";
import { verifySpool, verifyStore } from "../../src/spool/verify.ts";
import { outboundDraft, outboundRecord, reply, wishes } from "../delivery/outbound-records.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { MemoryStore, openMemorySpool } from "../fakes/memory-spool.ts";
import { delivered, draft, EventList, octets, seededRandom, store, stored, TemporaryDirectory } from "./support.ts";

const signal = new AbortController().signal;
const nothing = Buffer.alloc(0);
const a = mustAddress("a@x.example");
const put = (table: Write["table"], key: string, value: Buffer = Buffer.from(nothing)): Write => ({
  table,
  key,
  value,
});
const remove = (table: Write["table"], key: string): Write => ({ table, key, value: undefined });

interface World {
  readonly disk: MemoryStore;
  readonly due: MessageRecord;
  readonly owed: MessageRecord;
  readonly ended: HistoryRecord;
}

/** One that is due, one whose report is owed, and one that has ended. */
async function world(): Promise<World> {
  const disk = new MemoryStore();
  const ports = { clock: new ManualClock(), random: seededRandom(), events: new EventList() };
  await using spool = await openMemorySpool(ports, disk, { chunkOctets: 1000 });
  const due = await stored(spool, octets(2500), draft({ at: 5 }));
  const sent = await stored(spool, octets(10), outboundDraft({ to: ["a@x.example"] }));
  const owed = await spool.update(sent.id, (record) => ({
    ...record,
    recipients: record.recipients.map((one) => ({ ...one, state: bounced })),
    owed: [{ kind: "failed", recipients: [a], since: 1 }],
  }));
  const result = await store(spool, octets(10), draft({ content: "x" }), undefined, "content-and-recipient");
  if (result.kind !== "stored") throw new Error("a duplicate");
  await spool.update(result.record.id, delivered);
  const ended = await spool.history(result.record.id);
  if (ended === undefined) throw new Error("not ended");
  return { disk, due, owed, ended };
}

const bounced = { kind: "bounced", at: 1, cause: reply(550, "5.1.1") } as const;

describe("what is wrong in a spool is found by audit and by verify", () => {
  const rows: readonly [string, (world: World) => Write[], audit: RegExp, verify: RegExp][] = [
    [
      "a due one that its index does not have",
      ({ due }) => [remove("due", `000000000000005/${due.id}`)],
      /it is due, and the index of what is due does not have it/u,
      /it is due but not in the queue/u,
    ],
    [
      "a report owed that its index does not have",
      ({ owed }) => [remove("owed", owed.id)],
      /a report is owed, and the index of what is owed does not have it/u,
      /not among the owed/u,
    ],
    [
      "a report in the index that nobody is owed",
      ({ due }) => [put("owed", due.id)],
      /the index owed has it, and nothing is owed/u,
      /no report is owed for a message of that id/u,
    ],
    [
      "a report owed of a message that is not there",
      () => [put("owed", "00000000000009")],
      /the index owed has it, and nothing is owed/u,
      /no report is owed for a message of that id/u,
    ],
    [
      "a held one in the index that is not",
      ({ due }) => [put("held", due.id)],
      /the index held has it, and it is not held/u,
      /no message of that id is held/u,
    ],
    [
      "an end of a message that nobody knows",
      () => [put("ended", "000000000000001/00000000000009")],
      /the index of what has ended has it, and the history does not/u,
      /there is no such history/u,
    ],
    [
      "a record in the queue that cannot be read",
      ({ due }) => [put("message", due.id, Buffer.from("{"))],
      /its record in the queue cannot be read/u,
      /message\//u,
    ],
    [
      "a history that cannot be read",
      ({ ended }) => [put("history", ended.id, Buffer.from("{"))],
      /its record in the history cannot be read/u,
      /history\//u,
    ],
    [
      "a record under another's id",
      ({ due, owed }) => [put("message", due.id, encode({ ...due, id: owed.id }))],
      /its record in the queue says/u,
      /it says that it is/u,
    ],
    [
      "a body that is longer than its record says",
      ({ due }) => [put("chunk", `${due.id}/00000002`, octets(700))],
      /^$/u,
      /its body has 2700 octets, not 2500/u,
    ],
    [
      "a message that waits for nothing",
      ({ due }) => [
        put("message", due.id, encode({ ...due, recipients: [] })),
        remove("due", `000000000000005/${due.id}`),
      ],
      /it is in the queue, and there is nothing left to do/u,
      /neither due nor held nor owed/u,
    ],
  ];
  it.each(rows)("%s", async (_, spoil, byAudit, byVerify) => {
    const spoilt = await world();
    expect([await auditStore(spoilt.disk, signal), await verifyStore(spoilt.disk)]).toMatchObject([
      { wrong: 0 },
      { faults: [] },
    ]);
    await spoilt.disk.commit(spoil(spoilt));
    const { inconsistencies } = await auditStore(spoilt.disk, signal);
    // Bodies are verify's alone.
    expect(inconsistencies.map(({ detail }) => detail).join("\n")).toMatch(byAudit);
    const { faults } = await verifyStore(spoilt.disk);
    expect(faults.map(({ where, detail }) => `${where}: ${detail}`).join("\n")).toMatch(byVerify);
  });

  it("a history that was set aside is counted, and is nobody's fault any more", async () => {
    const { disk, ended } = await world();
    await disk.commit([remove("history", ended.id), put("setaside", `history/${ended.id}`, Buffer.from("{"))]);
    expect(await verifyStore(disk)).toMatchObject({ faults: [], setAside: 1 });
    expect(await auditStore(disk, signal)).toMatchObject({ wrong: 0 });
  });

  it("a message that is taken away while it is looked at is missed", async () => {
    const { disk, due } = await world();
    // It is in the list, and nowhere when it is looked up.
    const hiding: Store = {
      get: (table, key) => (table === "message" && key === due.id ? undefined : disk.get(table, key)),
      range: (table, from, to, limit) => disk.range(table, from, to, limit),
      keys: (table, from, to, limit) => disk.keys(table, from, to, limit),
      commit: async (writes) => disk.commit(writes),
      stats: (table) => disk.stats(table),
      backup: async () => disk.backup(),
      close: async () => disk.close(),
    };
    const { inconsistencies } = await auditStore(hiding, signal);
    expect(inconsistencies).toContainEqual({
      id: due.id,
      detail: "it has left the queue, and the history does not know it",
    });
  });

  it("of very many the first are named, and all are counted", async () => {
    const disk = new MemoryStore();
    const ports = { clock: new ManualClock(), random: seededRandom(), events: new EventList() };
    await using _spool = await openMemorySpool(ports, disk);
    await disk.commit(Array.from({ length: 1100 }, (_, n) => put("held", String(n).padStart(14, "0"))));
    const audit = await auditStore(disk, signal);
    expect([audit.wrong, audit.inconsistencies.length]).toEqual([1100, 1000]);
  });
});

describe("the sums of an audit", () => {
  it("are compared with the tables", () => {
    const tally = new AuditTally();
    tally.open(outboundRecord());
    expect(tally.finish(2).inconsistencies).toEqual([
      { id: "", detail: "1 messages were accounted for, and the tables have 2" },
    ]);
  });

  it("name the first who dropped recipients, and count the others", () => {
    const tally = new AuditTally();
    for (let n = 0; n < 60; n++) {
      const state = { kind: "dropped", at: 1, by: `web:user${n}` } as const;
      tally.open({ ...outboundRecord(), recipients: [recipient(state)] });
    }
    const { droppedBy } = tally.finish(undefined);
    expect(Object.keys(droppedBy)).toHaveLength(51);
    expect(droppedBy["others"]).toBe(10);
  });

  it.each([
    ["whose failures the sender did not want to hear of", { dsn: wishes("DELAY") }, {}, "unwished"],
    ["with the null reverse path", {}, { reversePath: nullReversePath }, "unwished"],
    ["whose sender was told", { dsn: wishes("FAILURE") }, {}, "reported"],
    ["whose sender is owed the news", {}, { owed: [{ kind: "failed", recipients: [a], since: 1 }] }, "owed"],
  ] as const)("count a failure of mail %s", (_, more, change, expected) => {
    const tally = new AuditTally();
    tally.open({ ...outboundRecord(), recipients: [{ ...recipient(bounced), ...more }], ...change });
    expect(tally.finish(undefined).failures).toMatchObject({ reported: 0, owed: 0, unwished: 0, [expected]: 1 });
  });
});

describe("a record contradicts itself", () => {
  it("by the success of who has not had it", () => {
    const record = { ...outboundRecord(), owed: [{ kind: "relayed" as const, recipients: [a], since: 1 }] };
    expect(contradictionsOf(record, undefined)).toContain("a success at a@x.example is owed, which is queued");
  });

  it("by an end that is held", () => {
    const hold = { reason: "loop", detail: "", since: 1 } as const;
    const ended = { ...outboundRecord(), recipients: [], hold, endedAt: 2 };
    expect(contradictionsOf(ended, ended)).toContain("it has ended, and is held: loop");
  });
});

it("a file with very many damaged pages is told of in some lines", async () => {
  using dir = new TemporaryDirectory();
  const options = { ...defaultSpoolOptions, dir: dir.path, maxOctets: 1e12, minFreeOctets: 0, ballastOctets: 0 };
  const ports = { clock: new ManualClock(), random: seededRandom(), events: new EventList() };
  {
    await using spool = await openSpool({ ...options, historyDays: 1 }, ports);
    await Promise.all(Array.from({ length: 400 }, async (_, n) => stored(spool, octets(5000, n + 1))));
  }
  const file = path.join(dir.path, "data.mdb");
  await expect(auditSpool(path.join(dir.path, "none"), signal)).rejects.toMatchObject({ code: "SPOOL_UNUSABLE" });
  const content = readFileSync(file);
  // Every value with pages of its own has lost its mark.
  for (let at = 2 * 4096; at + 4096 <= content.length; at += 4096)
    if (content.readUInt16LE(at + 18) === 4) content.writeUInt16LE(0, at + 18);
  writeFileSync(file, content);
  const { faults } = await verifySpool(dir.path);
  expect(faults.length).toBeGreaterThan(10);
  expect(faults.length).toBeLessThan(400);
});

function recipient(state: Recipient["state"]): Recipient {
  return { address: a, state, lastCause: undefined, unconfirmed: 0, dsn: undefined };
}
