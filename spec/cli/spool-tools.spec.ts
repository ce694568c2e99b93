import { readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { runRescue, runVerify } from "../../src/cli/spool-tools.ts";
import type { MessageId } from "../../src/core/ids.ts";
import { defaultSpoolOptions, openSpool } from "../../src/spool/spool.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { delivered, EventList, octets, seededRandom, stored, TemporaryDirectory } from "../spool/support.ts";

describe("popgate verify and rescue", () => {
  let home: TemporaryDirectory;
  let dir: string;
  let data: string;
  let ids: MessageId[];
  let out: string;
  let err: string;

  beforeEach(async () => {
    home = new TemporaryDirectory();
    dir = path.join(home.path, "spool");
    data = path.join(dir, "data.mdb");
    ids = [];
    out = "";
    err = "";
    vi.spyOn(process.stdout, "write").mockImplementation((text) => ((out += String(text)), true));
    vi.spyOn(process.stderr, "write").mockImplementation((text) => ((err += String(text)), true));
    await using spool = await openSpool(
      { ...defaultSpoolOptions, dir, maxOctets: 1e12, minFreeOctets: 0, historyDays: 30, ballastOctets: 0 },
      { clock: new ManualClock(), random: seededRandom(), events: new EventList() },
    );
    for (let n = 0; n < 5; n++) ids.push((await stored(spool, octets(20_000, n + 1))).id);
    await spool.update((await stored(spool, octets(100))).id, delivered);
  });
  afterEach(() => {
    vi.restoreAllMocks();
    home[Symbol.dispose]();
  });

  it("find nothing wrong with a sound spool, and extract all of it", async () => {
    const target = path.join(home.path, "out");
    expect(await runVerify(dir)).toBe(0);
    expect(out).toBe(
      "5 message(s) (5 queued, 0 held), 100000 octets compared, 1 ended, 0 ledger entries; 0 fault(s)\n",
    );
    out = "";
    expect(await runRescue(dir, target)).toBe(0);
    expect(out).toContain("5 message(s) extracted whole");
    expect(out).toContain("history.jsonl has 1 ended message(s)");
    expect(readdirSync(target).filter((name) => name.endsWith(".eml"))).toEqual(
      ids.map((id) => `${id}.eml`).toSorted(),
    );
    expect(readFileSync(path.join(target, `${ids[0] ?? ""}.eml`)).equals(octets(20_000, 1))).toBe(true);
    expect(err).toBe("");
  });

  it("name the message whose body has changed, and call it not whole", async () => {
    const content = readFileSync(data);
    const at = content.indexOf(octets(20_000, 3).subarray(9000, 9032));
    content[at] = (content[at] ?? 0) ^ 1;
    writeFileSync(data, content);
    expect(await runVerify(dir)).toBe(1);
    expect(out).toContain(`message/${ids[2] ?? ""}: its digest does not agree\n`);
    out = "";
    expect(await runRescue(dir, path.join(home.path, "out"))).toBe(1);
    expect(out).toContain(`${ids[2] ?? ""} is not whole: its digest does not agree\n`);
    expect(out).toContain("4 message(s) extracted whole");
  });

  it("send who has a damaged file to rescue", async () => {
    truncateSync(data, 40_000);
    expect(await runVerify(dir)).toBe(1);
    expect(out).toMatch(/^data\.mdb: /u);
    expect(out).toContain("popgate rescue");
    out = "";
    await runRescue(dir, path.join(home.path, "out"));
    expect(out).toMatch(/^in the file: /u);
  });

  it("say in one line that there is no spool, or that the place is taken", async () => {
    expect(await runVerify(home.path)).toBe(1);
    expect(err).toBe(`popgate: there is no spool in ${home.path}\n`);
    err = "";
    expect(await runRescue(home.path, path.join(home.path, "out"))).toBe(1);
    expect(err).toMatch(/^popgate: ENOENT/u);
    const target = path.join(home.path, "twice");
    await runRescue(dir, target);
    err = "";
    expect(await runRescue(dir, target)).toBe(1);
    expect(err).toMatch(/^popgate: EEXIST/u);
  });
});
