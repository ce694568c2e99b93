import { mkdirSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { auditSpool } from "../../src/spool/audit.ts";
import { lockSpool } from "../../src/spool/lock.ts";
import { defaultSpoolOptions, openSpool, type OwnedSpool } from "../../src/spool/spool.ts";
import { verifySpool } from "../../src/spool/verify.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { account, draft, EventList, octets, seededRandom, stored, TemporaryDirectory } from "./support.ts";

const unusable = expect.objectContaining({ name: "SpoolError", code: "SPOOL_UNUSABLE" }) as Error;

async function open(dir: string): Promise<OwnedSpool> {
  const options = { ...defaultSpoolOptions, dir, maxOctets: 1e12, minFreeOctets: 0, historyDays: 30, ballastOctets: 0 };
  return openSpool(options, { clock: new ManualClock(), random: seededRandom(), events: new EventList() });
}

describe("a directory that cannot be a spool", () => {
  it("is refused as such when there is a file in its place", async () => {
    using dir = new TemporaryDirectory();
    const file = path.join(dir.path, "spool");
    writeFileSync(file, "");
    await expect(open(file)).rejects.toThrow(unusable);
    await expect(open(path.join(file, "below"))).rejects.toThrow(unusable);
  });

  it.each(["lock.mdb", "lock"])(
    "is refused when %s cannot be opened, and is free again as soon as it can",
    async (name) => {
      using dir = new TemporaryDirectory();
      const obstacle = path.join(dir.path, name);
      mkdirSync(obstacle);
      await expect(open(dir.path)).rejects.toThrow(unusable);
      rmdirSync(obstacle);
      await using spool = await open(dir.path);
      expect(await stored(spool, octets(10))).toMatchObject({ size: 10 });
    },
  );

  it("is refused when it is gone", async () => {
    using dir = new TemporaryDirectory();
    const gone = path.join(dir.path, "gone");
    expect(() => lockSpool(gone)).toThrow(unusable);
    await expect(auditSpool(gone, new AbortController().signal)).rejects.toThrow(unusable);
  });

  it("is refused when it is in use, also when its owner has left no name", async () => {
    using dir = new TemporaryDirectory();
    await using _owner = await open(dir.path);
    rmSync(path.join(dir.path, "owner"));
    await expect(open(dir.path)).rejects.toThrow(/in use by process \(unknown\)/u);
    await expect(verifySpool(dir.path)).rejects.toThrow(unusable);
  });
});

it("a lock that is given back twice is not taken from the next owner", () => {
  using dir = new TemporaryDirectory();
  const first = lockSpool(dir.path);
  first[Symbol.dispose]();
  using _second = lockSpool(dir.path);
  first[Symbol.dispose]();
  expect(() => lockSpool(dir.path)).toThrow(new RegExp(`process ${process.pid}:`, "u"));
});

it("a spool that is closed refuses every call, instead of ending the process", async () => {
  using dir = new TemporaryDirectory();
  const spool = await open(dir.path);
  const { id } = await stored(spool, octets(200_000));
  const body = spool.body(id)[Symbol.asyncIterator]();
  await body.next();
  const begun = spool.begin();
  await spool[Symbol.asyncDispose]();
  await spool[Symbol.asyncDispose]();

  const calls: (() => Promise<unknown>)[] = [
    async () => body.next(),
    async () => Promise.resolve().then(() => spool.begin()),
    async () => begun.commit(draft(), undefined),
    async () => spool.load(id),
    async () => spool.update(id, (record) => ({ ...record })),
    async () => spool.due("inbound", 9, 9),
    async () => spool.list(undefined, 9),
    async () => spool.history(id),
    async () => spool.put(account(), []).then(async () => spool.entries(account())),
    async () => spool.putState(account(), 1),
    async () => spool.backup(path.join(dir.path, "copy")),
    async () => Promise.resolve().then(() => spool.counts()),
  ];
  for (const [at, call] of calls.entries()) await expect(call(), `call ${at}`).rejects.toThrow(unusable);
  await begun[Symbol.asyncDispose]();

  await using again = await open(dir.path);
  expect((await again.list(undefined, 9)).map((record) => record.id)).toEqual([id]);
});
