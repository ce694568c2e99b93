import { describe, expect, it } from "vitest";
import { systemClock, systemRandom } from "../../src/runtime/clock.ts";
import { defaultSpoolOptions, openSpool, type OwnedSpool } from "../../src/spool/spool.ts";
import { verifySpool } from "../../src/spool/verify.ts";
import { EventList, octets, stored, TemporaryDirectory } from "../spool/support.ts";
import { Program } from "./support/program.ts";

async function open(dir: string): Promise<OwnedSpool> {
  const options = { ...defaultSpoolOptions, dir, maxOctets: 1e12, minFreeOctets: 0, historyDays: 30, ballastOctets: 0 };
  return openSpool(options, { clock: systemClock, random: systemRandom, events: new EventList() });
}

describe("a spool directory", () => {
  it("belongs to one process; another is refused and told which", async () => {
    using dir = new TemporaryDirectory();
    await using owner = new Program("hold-spool.ts", [dir.path]);
    await owner.said(1);
    const refusal = { code: "SPOOL_UNUSABLE", message: expect.stringContaining(`process ${owner.pid}:`) as string };
    await expect(open(dir.path)).rejects.toMatchObject(refusal);
    await expect(verifySpool(dir.path)).rejects.toMatchObject(refusal);
  });

  it("is free again when its owner was killed", async () => {
    using dir = new TemporaryDirectory();
    const owner = new Program("hold-spool.ts", [dir.path]);
    await owner.said(1);
    await owner.kill();
    await using spool = await open(dir.path);
    expect(await stored(spool, octets(10))).toMatchObject({ size: 10 });
  });

  it("goes to exactly one of many that come at the same time after a crash", async () => {
    using dir = new TemporaryDirectory();
    const dead = new Program("hold-spool.ts", [dir.path]);
    await dead.said(1);
    await dead.kill();
    await using stack = new AsyncDisposableStack();
    const rivals = Array.from({ length: 5 }, () => stack.use(new Program("hold-spool.ts", [dir.path])));
    // The losers end by themselves; the winner says that it is open.
    await Promise.all(rivals.map(async (rival) => rival.said(1)));
    expect(rivals.filter(({ lines }) => lines.length > 0)).toHaveLength(1);
  });

  it("is refused to a second owner within one process, and free after the first", async () => {
    using dir = new TemporaryDirectory();
    const first = await open(dir.path);
    await expect(open(dir.path)).rejects.toMatchObject({ code: "SPOOL_UNUSABLE" });
    // The refusal has not taken the first one's lock away.
    await expect(open(dir.path)).rejects.toMatchObject({ code: "SPOOL_UNUSABLE" });
    await using other = new Program("hold-spool.ts", [dir.path]);
    expect((await other.ended()).errors).toContain(`process ${process.pid}:`);
    await first[Symbol.asyncDispose]();
    await using second = await open(dir.path);
    expect(second.health()).toEqual({ kind: "ok" });
  });
});
