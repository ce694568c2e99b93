/** How far long work has come: on a terminal's stderr only, not with --json, at most four times a second, gone in the end. */
import path from "node:path";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { Progress } from "../../src/cli/progress.ts";
import { Screen } from "../../src/cli/screen.ts";
import { runVerify } from "../../src/cli/spool-tools.ts";
import { defaultSpoolOptions, openSpool } from "../../src/spool/spool.ts";
import { verifySpool } from "../../src/spool/verify.ts";
import { goodAudit, openInterface } from "../admin/interface.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { delivered, EventList, octets, seededRandom, stored, TemporaryDirectory } from "../spool/support.ts";
import { Paper, typed } from "./console.ts";

const gone = "\r\u001B[K";

function progressOn(paper: Paper, isWanted = true): { progress: Progress; clock: ManualClock } {
  const clock = new ManualClock();
  return { progress: new Progress({ screen: new Screen(paper, {}), isWanted, clock }), clock };
}

describe("a line of progress", () => {
  it("is written at once, then at most four times a second, and taken away", () => {
    const paper = new Paper(80);
    const { progress, clock } = progressOn(paper);
    const start = clock.now();
    let asked = 0;
    for (let ms = 0; ms < 1000; ms++) {
      clock.set(start + ms);
      progress.tell(() => `number ${++asked}`);
    }
    expect(asked).toBe(4);
    progress[Symbol.dispose]();
    progress[Symbol.dispose]();
    expect(paper.text).toBe([1, 2, 3, 4].map((number) => `${gone}number ${number}`).join("") + gone);
  });

  it("goes on when the clock is set back", () => {
    const paper = new Paper(80);
    const { progress, clock } = progressOn(paper);
    progress.tell(() => "one");
    clock.set(clock.now() - 86_400_000);
    progress.tell(() => "two");
    expect(paper.text).toBe(`${gone}one${gone}two`);
  });

  it("is not written where stderr is no terminal, nor where it is not wanted", async () => {
    for (const [paper, isWanted] of [
      [new Paper(), true],
      [new Paper(80), false],
    ] as const) {
      const { progress, clock } = progressOn(paper, isWanted);
      progress.tell(() => "words");
      progress.counted("message", 1, 2);
      const work = Promise.withResolvers<number>();
      const during = progress.during(work.promise, () => "words");
      await clock.advance(10_000);
      work.resolve(1);
      expect(await during).toBe(1);
      progress[Symbol.dispose]();
      expect(paper.text).toBe("");
    }
  });

  it("says how long work goes on that tells nothing, and ends with it, whether that is well or not", async () => {
    for (const isWell of [true, false]) {
      const paper = new Paper(80);
      const { progress, clock } = progressOn(paper);
      const work = Promise.withResolvers<number>();
      const during = progress.during(work.promise, () => "copying");
      await clock.advance(2000);
      expect(paper.text).toBe(`${gone}copying, 1s${gone}copying, 2s`);
      if (isWell) work.resolve(1);
      else work.reject(new Error("no room"));
      if (isWell) await expect(during).resolves.toBe(1);
      else await expect(during).rejects.toThrow("no room");
      expect(clock.waits).toEqual([]);
      expect(paper.text.endsWith(gone)).toBe(true);
    }
  });
});

describe("of a spool that no daemon uses", () => {
  async function spoolIn(home: TemporaryDirectory): Promise<string> {
    const dir = path.join(home.path, "spool");
    await using spool = await openSpool(
      { ...defaultSpoolOptions, dir, maxOctets: 1e12, minFreeOctets: 0, historyDays: 30, ballastOctets: 0 },
      { clock: new ManualClock(), random: seededRandom(), events: new EventList() },
    );
    for (let number = 0; number < 3; number++) await stored(spool, octets(2000, number));
    await spool.update((await stored(spool, octets(100))).id, delivered);
    return dir;
  }

  it("verify tells of pages, messages, bodies and history as it goes", async () => {
    using home = new TemporaryDirectory();
    const dir = await spoolIn(home);
    const told: string[] = [];
    await verifySpool(dir, (what, done, all) => told.push(`${what} ${done} ${all ?? "?"}`));
    expect(told).toEqual(
      expect.arrayContaining(["pages 1 ?", "message 1 3", "message 3 3", "chunk 3 ?", "history 1 1"]),
    );
    const stderr = new Paper(80);
    expect(await runVerify(dir, stderr)).toBe(0);
    expect(stderr.text.startsWith(`${gone}looking at pages of the file: 1`)).toBe(true);
    expect(stderr.text.endsWith(gone)).toBe(true);
  });

  it("audit does on a terminal, and says nothing beside JSON", async () => {
    using home = new TemporaryDirectory();
    const dir = await spoolIn(home);
    const seen = await typed(["audit", "--spool", dir], { columns: 80 });
    expect(seen.stderr.startsWith(`${gone}looking at messages: 3 of 3${gone}`)).toBe(true);
    expect(seen.stderr.endsWith(gone)).toBe(true);
    expect((await typed(["audit", "--json", "--spool", dir], { columns: 80 })).stderr).toBe("");
    expect((await typed(["audit", "--spool", dir])).stderr).toBe("");
  });
});

describe("of the daemon's work", () => {
  it.each(["audit", "backup"] as const)("%s: for how long it goes on", async (command) => {
    const args = command === "audit" ? [command] : [command, "/nowhere/at/all"];
    const stderr = new Paper(80);
    const told = once(stderr, "written");
    await using admin = await openInterface({
      audit: async () => (await told, goodAudit),
      backup: async () => void (await told),
    });
    const { code } = await typed([...args, "--socket", admin.socket], { columns: 80, stderr });
    expect(code).toBe(0);
    const words = { audit: "the daemon looks at queue and history", backup: "the daemon copies the spool" }[command];
    expect(stderr.text.startsWith(`${gone}${words}, 1s`)).toBe(true);
    expect(stderr.text.endsWith(gone)).toBe(true);
  });
});
