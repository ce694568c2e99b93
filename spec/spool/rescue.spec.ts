import { copyFileSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { MessageId } from "../../src/core/ids.ts";
import { rescueSpool } from "../../src/spool/rescue.ts";
import { defaultSpoolOptions, openSpool } from "../../src/spool/spool.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import {
  account,
  delivered,
  digestOf,
  draft,
  EventList,
  ledgerEntry,
  octets,
  seededRandom,
  stored,
  TemporaryDirectory,
} from "./support.ts";

const pageSize = 4096;

describe("rescue", () => {
  const home = new TemporaryDirectory();
  const original = path.join(home.path, "spool");
  const bodies = new Map<MessageId, Buffer>();
  let endedId: MessageId;
  let cases = 0;

  beforeAll(async () => {
    const options = {
      ...defaultSpoolOptions,
      dir: original,
      maxOctets: 1e12,
      minFreeOctets: 0,
      historyDays: 30,
      ballastOctets: 0,
    };
    await using spool = await openSpool(
      { ...options, chunkOctets: 65_536 },
      { clock: new ManualClock(), random: seededRandom(), events: new EventList() },
    );
    for (const [n, size] of [0, 1, 100, 3000, 8192, 65_536, 65_537, 200_000, 500_000].entries()) {
      const body = octets(size, n + 1);
      bodies.set((await stored(spool, body, draft(n === 2 ? { held: "loop" } : {}))).id, body);
    }
    // Enough for branch pages.
    for (let n = 0; n < 60; n++) {
      const body = octets(500, n + 1);
      bodies.set((await stored(spool, body)).id, body);
    }
    endedId = (await stored(spool, octets(70_000, 99))).id;
    await spool.update(endedId, delivered);
    await spool.put(
      account(),
      Array.from({ length: 300 }, (_, n) => ledgerEntry(`uid-${n}`)),
    );
    await spool.maintain();
  });
  afterAll(() => home[Symbol.dispose]());

  /** A copy of the file, damaged, and what comes out of it. */
  function rescued(damage: (file: string) => void) {
    const dir = path.join(home.path, `case-${(cases += 1)}`);
    const out = `${dir}-out`;
    mkdirSync(dir);
    const file = path.join(dir, "data.mdb");
    copyFileSync(path.join(original, "data.mdb"), file);
    damage(file);
    const report = rescueSpool(dir, out);
    return { ...report, out };
  }

  /** Whatever is called whole must be what was stored, to the octet. */
  function expectHonest({ whole, partial, out }: ReturnType<typeof rescued>): void {
    for (const id of whole) {
      const octetsOut = readFileSync(path.join(out, `${id}.eml`));
      const record = JSON.parse(readFileSync(path.join(out, `${id}.json`), "utf8")) as { id: string; digest: string };
      expect({ id, digest: digestOf(octetsOut) }).toEqual({ id: record.id, digest: record.digest });
      const body = bodies.get(id);
      if (body !== undefined) expect(octetsOut.equals(body)).toBe(true);
    }
    for (const { id } of partial) readFileSync(path.join(out, `${id}.eml`));
  }

  it("takes everything that is present out of a sound spool, and nothing that has ended", () => {
    const result = rescued(() => undefined);
    expect(result).toMatchObject({ partial: [], faults: [], ended: 0 });
    expect(result.whole).toEqual([...bodies.keys()].toSorted());
    expectHonest(result);
    const names = readdirSync(result.out).filter((name) => !name.endsWith(".jsonl"));
    expect(names).toHaveLength(2 * bodies.size);
  });

  it.each([
    ["a sound file", []],
    ["a file without meta pages", [0, 1]],
  ])("out of %s, the history and the ledger come as well", (_, pages) => {
    const { out, history, ledger } = rescued((file) => overwrite(file, pages));
    expect({ history, ledger }).toEqual({ history: 1, ledger: 300 });
    expect(lines(out, "history.jsonl")).toMatchObject([
      { id: endedId, recipients: [{ state: { kind: "delivered", reply: { code: 250 } } }] },
    ]);
    expect(lines(out, "ledger.jsonl").map(({ account, uidl }) => `${String(account)} ${String(uidl)}`)).toEqual(
      Array.from({ length: 300 }, (_, n) => `box uid-${n}`).toSorted(),
    );
  });

  it.each([
    ["the newer meta page is", [1]],
    ["both meta pages are", [0, 1]],
  ])("when %s lost", (_, pages) => {
    const result = rescued((file) => overwrite(file, pages));
    expect(result.faults).not.toEqual([]);
    for (const id of bodies.keys()) expect(result.whole).toContain(id);
    expectHonest(result);
  });

  it.each([0.9, 0.5, 0.1])("when only the first %f of the file is left", (share) => {
    const size = readFileSync(path.join(original, "data.mdb")).length;
    const result = rescued((file) => truncateSync(file, Math.floor(size * share)));
    expect(result.faults).not.toEqual([]);
    if (share > 0.8) expect(result.whole.length).toBeGreaterThan(5);
    expectHonest(result);
  });

  it("an empty file, and one of rubbish, give nothing and no exception", () => {
    expect(rescued((file) => truncateSync(file, 0))).toMatchObject({ whole: [], partial: [] });
    const result = rescued((file) => writeFileSync(file, octets(300_000, 5)));
    expect(result).toMatchObject({ whole: [], partial: [] });
    expect(result.faults).not.toEqual([]);
  });

  it("one body's page lost costs one message, which is said to be partial", () => {
    const [id = "", body = Buffer.alloc(0)] = [...bodies].find(([, { length }]) => length === 500_000) ?? [];
    const content = readFileSync(path.join(original, "data.mdb"));
    const at = content.indexOf(body.subarray(70_000, 70_032));
    const result = rescued((file) => overwrite(file, [Math.floor(at / pageSize)]));
    expect(result.partial).toEqual([{ id, detail: "its digest does not agree" }]);
    expect(result.whole).toHaveLength(bodies.size - 1);
    expectHonest(result);
  });

  it("pages destroyed at random never make it lie or fail", () => {
    const random = seededRandom(17);
    const pages = Math.floor(readFileSync(path.join(original, "data.mdb")).length / pageSize);
    let least = bodies.size;
    for (let round = 0; round < 12; round++) {
      const lost = Array.from({ length: 1 + Math.floor(random.next() * 20) }, () => Math.floor(random.next() * pages));
      const result = rescued((file) => overwrite(file, lost, 1 + Math.floor(random.next() * 1e6)));
      expectHonest(result);
      least = Math.min(least, result.whole.length);
    }
    expect(least).toBeLessThan(bodies.size);
  });

  it("single octets changed at random never make it lie or fail", () => {
    const random = seededRandom(23);
    for (let round = 0; round < 8; round++) {
      const result = rescued((file) => {
        const content = readFileSync(file);
        for (let n = 0; n < 200; n++)
          content[Math.floor(random.next() * content.length)] = Math.floor(random.next() * 256);
        writeFileSync(file, content);
      });
      expectHonest(result);
      expect(result.whole.length).toBeLessThanOrEqual(bodies.size);
    }
  });

  it("never writes over what is there", () => {
    const result = rescued(() => undefined);
    expect(() => rescueSpool(original, result.out)).toThrow(/EEXIST/u);
  });
});

function lines(out: string, name: string): Record<string, unknown>[] {
  const text = readFileSync(path.join(out, name), "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** Puts rubbish in the place of pages. */
function overwrite(file: string, pages: readonly number[], seed = 1): void {
  const content = readFileSync(file);
  for (const page of pages) octets(pageSize, seed).copy(content, page * pageSize);
  writeFileSync(file, content);
}
