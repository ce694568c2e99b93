import { describe, expect, it } from "vitest";
import type { MessageRecord } from "../../src/spool/record.ts";
import type { Write } from "../../src/spool/store.ts";
import { verifySpool, verifyStore } from "../../src/spool/verify.ts";
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

/** A spool with one of each: due, held, ended, known content, ledger. */
async function sound(): Promise<{ disk: MemoryStore; due: MessageRecord; held: MessageRecord; ended: MessageRecord }> {
  const disk = new MemoryStore();
  const ports = { clock: new ManualClock(), random: seededRandom(), events: new EventList() };
  await using spool = await openMemorySpool(ports, disk, { chunkOctets: 1000 });
  const due = await stored(spool, octets(2500), draft({ at: 5, messageId: "<due@x>" }));
  const held = await stored(spool, octets(10), draft({ held: "loop" }));
  const ended = await stored(spool, octets(10), draft({ messageId: "<ended@x>" }));
  await spool.update(ended.id, delivered);
  await store(spool, octets(5), draft({ content: "once" }), undefined, "content-and-recipient");
  await spool.put(account(), [ledgerEntry("1")]);
  await spool.maintain();
  return { disk, due, held, ended };
}

const nothing = Buffer.alloc(0);

describe("verify", () => {
  it("finds nothing in a sound spool, and counts it", async () => {
    const { disk } = await sound();
    expect(await verifyStore(disk)).toEqual({
      messages: 3,
      queued: 2,
      held: 1,
      history: 1,
      ledger: 1,
      owed: 0,
      octets: 2515,
      leftovers: 0,
      setAside: 0,
      faults: [],
    });
  });

  type Records = Awaited<ReturnType<typeof sound>>;
  const table = (name: Write["table"], key: string, value?: Buffer): Write[] => [{ table: name, key, value }];
  const rows: readonly [string, (records: Records) => Write[], string][] = [
    ["a record that cannot be read", ({ due }) => table("message", due.id, Buffer.from("{")), "message/"],
    ["a changed octet", ({ due }) => table("chunk", `${due.id}/00000001`, octets(1000, 77)), "digest does not agree"],
    ["a lost chunk", ({ due }) => table("chunk", `${due.id}/00000001`), "chunk 1 of its body is missing"],
    ["a chunk too many", ({ due }) => table("chunk", `${due.id}/00000003`, octets(1)), "more chunks"],
    [
      "a body too short",
      ({ held }) => table("chunk", `${held.id}/00000000`, octets(9)),
      "chunk 1 of its body is missing",
    ],
    ["a message that is not in the queue", ({ due }) => table("due", `000000000000005/${due.id}`), "not in the queue"],
    [
      "a message at another time",
      ({ due }) => table("due", `000000000000007/${due.id}`, nothing),
      "no message is due then",
    ],
    ["a held one not among the held", ({ held }) => table("held", held.id), "not among the held"],
    ["a held one that is not", ({ due }) => table("held", due.id, nothing), "no message of that id is held"],
    ["a due time of the other direction", ({ due }) => moved(due.id), "no message is due then"],
    ["a report that nobody is owed", ({ due }) => table("owed", due.id, nothing), "no report is owed"],
    ["a report owed that is not among the owed", ({ disk, due }) => owing(disk, due.id), "not among the owed"],
    [
      "a lost Message-ID",
      ({ disk, due }) => table("mid", disk.keys("mid", "", undefined, 9).find((key) => key.endsWith(due.id)) ?? ""),
      "by its Message-ID",
    ],
    ["a body without a record", () => table("chunk", "0000000000000X/00000000", octets(1)), "a body without a record"],
    [
      "a history that is queued",
      ({ ended, due, disk }) => table("history", due.id, disk.get("history", ended.id)),
      "in the queue as well",
    ],
    [
      "a history that never ends",
      ({ ended }) => table("ended", `${String(ManualClockStart).padStart(15, "0")}/${ended.id}`),
      "never be pruned",
    ],
    ["an end without history", () => table("ended", "000000000000001/0000000000000X", nothing), "no such history"],
    ["a mark of nobody", () => table("seen", "a/b", Buffer.from("0000000000000X")), "no such recipient"],
    ["a ledger entry that cannot be read", () => table("ledger", "box/9", Buffer.from("{}")), "ledger/box/9"],
    ["another schema", () => table("meta", "schema", Buffer.from("3")), "schema version 3"],
  ];
  it.each(rows)("finds %s", async (_, damage, words) => {
    const records = await sound();
    const writes = damage(records);
    await records.disk.commit(writes);
    const { faults } = await verifyStore(records.disk);
    expect(faults.map(({ where, detail }) => `${where}: ${detail}`).join("\n")).toContain(words);
  });

  it("does not complain of what the next start cleans up", async () => {
    const { disk } = await sound();
    await disk.commit([
      { table: "ingest", key: "0000000000000X", value: nothing },
      { table: "chunk", key: "0000000000000X/00000000", value: octets(5) },
    ]);
    expect(await verifyStore(disk)).toMatchObject({ faults: [], leftovers: 1 });
  });

  it("refuses a directory without a spool, and makes none", async () => {
    using dir = new TemporaryDirectory();
    await expect(verifySpool(dir.path)).rejects.toMatchObject({ code: "SPOOL_UNUSABLE" });
    await expect(verifySpool(`${dir.path}/none`)).rejects.toMatchObject({ code: "SPOOL_UNUSABLE" });
  });
});

function moved(id: string): Write[] {
  return [
    { table: "due", key: `000000000000005/${id}`, value: undefined },
    { table: "dueout", key: `000000000000005/${id}`, value: nothing },
    { table: "dueout", key: `000000000000006/${id}`, value: nothing },
  ];
}

function owing(disk: MemoryStore, id: string): Write[] {
  const record: unknown = JSON.parse(disk.get("message", id)?.toString() ?? "{}");
  if (typeof record !== "object") throw new TypeError("no record");
  const value = Buffer.from(JSON.stringify({ ...record, owed: [{ kind: "failed", recipients: [], since: 0 }] }));
  return [{ table: "message", key: id, value }];
}

const ManualClockStart = new ManualClock().now();
