import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { MessageId } from "../../src/core/ids.ts";
import { encode } from "../../src/spool/codec.ts";
import { openLmdbStore } from "../../src/spool/lmdb-store.ts";
import { flag } from "../../src/spool/page-layout.ts";
import { PageFile } from "../../src/spool/pages.ts";
import { rescueSpool } from "../../src/spool/rescue.ts";
import { defaultSpoolOptions, openSpool } from "../../src/spool/spool.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import {
  account,
  digestOf,
  EventList,
  ledgerEntry,
  octets,
  seededRandom,
  stored,
  TemporaryDirectory,
} from "./support.ts";

const pageSize = 4096;

/** As it may be found on a disk that has lost some of its pages, page by page: nothing is opened, what is left comes out. */
describe("a spool that has lost", () => {
  const home = new TemporaryDirectory();
  const original = path.join(home.path, "spool");
  const bodies = new Map<MessageId, Buffer>();
  let sound: Buffer;
  let aside: MessageId;
  let renamed: MessageId;
  let cases = 0;

  const options = (dir: string) => ({
    ...defaultSpoolOptions,
    dir,
    maxOctets: 1e12,
    minFreeOctets: 0,
    historyDays: 30,
    ballastOctets: 0,
  });
  const ports = () => ({ clock: new ManualClock(), random: seededRandom(), events: new EventList() });

  beforeAll(async () => {
    {
      await using spool = await openSpool(options(original), ports());
      await Promise.all(
        Array.from({ length: 120 }, async (_, n) => {
          const body = octets(6000, n + 1);
          bodies.set((await stored(spool, body)).id, body);
        }),
      );
      await spool.put(
        account(),
        Array.from({ length: 300 }, (_, n) => ledgerEntry(`uid-${n}`)),
      );
    }
    // One record was set aside, and one says that it is another's.
    const [one, other] = [...bodies.keys()].toSorted();
    if (one === undefined || other === undefined) throw new Error("too few");
    [aside, renamed] = [one, other];
    const store = openLmdbStore({ dir: original });
    const record = store.get("message", renamed);
    await store.commit([
      { table: "setaside", key: `message/${aside}`, value: Buffer.from('{"version":9}') },
      { table: "message", key: aside, value: undefined },
      {
        table: "message",
        key: renamed,
        value: encode({ ...(JSON.parse(record?.toString() ?? "{}") as object), id: aside }),
      },
    ]);
    await store.close();
    sound = readFileSync(path.join(original, "data.mdb"));
  });
  afterAll(() => home[Symbol.dispose]());

  const pagesOf = (kind: number): number[] =>
    Array.from({ length: sound.length / pageSize }, (_, page) => page).filter(
      (page) => page > 1 && sound.readUInt16LE(page * pageSize + 18) === kind,
    );

  function damaged(damage: (content: Buffer) => void): string {
    const dir = path.join(home.path, `case-${(cases += 1)}`);
    mkdirSync(dir);
    const content = Buffer.from(sound);
    damage(content);
    writeFileSync(path.join(dir, "data.mdb"), content);
    return dir;
  }

  async function expectRefused(dir: string): Promise<void> {
    await expect(openSpool(options(dir), ports())).rejects.toMatchObject({ code: "SPOOL_UNUSABLE" });
    // It is left as it was, for rescue.
    expect(readdirSync(dir).includes("data.mdb")).toBe(true);
  }

  /** What is called whole has the octets that were stored, and everything that is left of the others comes out as well. */
  function rescued(dir: string): ReturnType<typeof rescueSpool> & { readonly out: string } {
    const out = `${dir}-out`;
    const report = rescueSpool(dir, out);
    for (const id of report.whole) {
      const body = bodies.get(id);
      if (body === undefined) throw new Error(`${id} was never stored`);
      expect(digestOf(readFileSync(path.join(out, `${id}.eml`)))).toBe(digestOf(body));
    }
    return { ...report, out };
  }

  /** Where trees cannot be followed, records of the past are found as well: of the two that were changed, the former ones. */
  function expectAllWhole(whole: readonly MessageId[]): void {
    for (const id of bodies.keys()) if (id !== aside && id !== renamed) expect(whole).toContain(id);
  }

  it("nothing: what was set aside comes out with its octets, and a record of another's is not believed", () => {
    const { whole, partial, faults, out } = rescued(damaged(() => undefined));
    expect(faults).toEqual([]);
    expect(whole).toHaveLength(bodies.size - 2);
    expect(partial.toSorted((a, b) => (a.id < b.id ? -1 : 1))).toEqual([
      { id: aside, detail: "its record is lost: envelope, size and digest are not known" },
      { id: renamed, detail: "its record is damaged" },
    ]);
    expect(readFileSync(path.join(out, `${aside}.record`), "utf8")).toBe('{"version":9}');
    for (const id of [aside, renamed]) {
      const body = readFileSync(path.join(out, `${id}.eml`));
      expect(digestOf(body)).toBe(digestOf(bodies.get(id) ?? Buffer.alloc(0)));
    }
  });

  it("the roots of all tables", async () => {
    const roots = rootsOf(path.join(original, "data.mdb"));
    expect(roots.length).toBeGreaterThan(3);
    const dir = damaged((content) => {
      for (const page of roots) content.fill(0, page * pageSize, (page + 1) * pageSize);
    });
    const faults: string[] = [];
    {
      using file = new PageFile(path.join(dir, "data.mdb"));
      file.check("roots", (detail) => faults.push(detail));
    }
    expect(faults.join("; ")).toMatch(/the root of the table message is lost/u);
    await expectRefused(dir);
    expect(rescued(dir).whole.length).toBeGreaterThan(bodies.size / 2);
  });

  it("the names of its tables", async () => {
    const dir = damaged((content) => {
      // The nodes of the tree of trees are values like any other now.
      for (const page of pagesOf(flag.leaf)) eachNode(content, page, (node) => treesToValues(content, node));
    });
    await expectRefused(dir);
    const { whole, faults } = rescued(dir);
    expect(faults.join("; ")).toMatch(/is not the root of a table/u);
    expectAllWhole(whole);
  });

  it("both meta pages, and with them what its pages' size is", async () => {
    const dir = damaged((content) => content.fill(0, 0, 2 * pageSize));
    await expectRefused(dir);
    const { whole, partial, out } = rescued(dir);
    expect(whole.length).toBeGreaterThanOrEqual(bodies.size - 2);
    expect(whole.length + partial.length).toBe(bodies.size);
    // Also of what was set aside, whose table is known by its keys.
    expect(readdirSync(out)).toContain(`${aside}.eml`);
  });

  it("a page size that anybody has: the usual one is taken", () => {
    const dir = damaged((content) => {
      content.writeUInt32LE(12_345, 24 + 24);
      content.fill(0, pageSize, 2 * pageSize);
    });
    const { whole, faults } = rescued(dir);
    expect(faults).toContain("1 of the 2 meta pages cannot be read");
    expectAllWhole(whole);
  });

  it("every value that has pages of its own: it says so of each, up to a hundred", () => {
    const dir = damaged((content) => {
      for (const page of pagesOf(flag.overflow)) content.fill(0, page * pageSize, (page + 1) * pageSize);
    });
    const { whole, partial } = rescued(dir);
    expect(whole).toEqual([]);
    expect(partial.length).toBe(bodies.size);
    expect(partial[5]?.detail).toMatch(/^chunks 0 are lost|its record is/u);
  });

  it("the order of its leaves", async () => {
    const dir = damaged((content) => {
      for (const page of pagesOf(flag.leaf)) {
        const header = page * pageSize;
        const count = content.readUInt16LE(header + 20) / 2;
        if (count < 2) continue;
        const first = content.readUInt16LE(header + 24);
        content.writeUInt16LE(content.readUInt16LE(header + 24 + 2 * (count - 1)), header + 24);
        content.writeUInt16LE(first, header + 24 + 2 * (count - 1));
      }
    });
    const { faults, whole } = rescued(dir);
    expect(faults.length).toBeGreaterThan(0);
    expect(faults.length).toBeLessThanOrEqual(100);
    expectAllWhole(whole);
  });

  it("its leaves' places: branches that are called leaves, and leaves that are called branches", async () => {
    const dir = damaged((content) => {
      for (const page of pagesOf(flag.branch)) content.writeUInt16LE(flag.leaf, page * pageSize + 18);
    });
    await expectRefused(dir).catch(() => undefined);
    const { faults, whole, partial } = rescued(dir);
    expect(faults.length).toBeGreaterThan(0);
    // What looks like a chunk now can stand before the real one: such a message is told of.
    expect(whole.length + partial.length).toBe(bodies.size);
    expect(whole.length).toBeGreaterThan(bodies.size / 2);
  });

  it("pieces of entries of the ledger: those that can be read come out", () => {
    const dir = damaged((content) => {
      content.fill(0, 0, 2 * pageSize);
      for (let at = content.indexOf('"uidl":"uid-7"'); at >= 0; at = content.indexOf('"uidl":"uid-7"', at + 1))
        content.write('"uidl":     7 ', at);
    });
    const { ledger } = rescued(dir);
    expect(ledger).toBe(299);
  });
});

/** The root pages of the named tables. */
function rootsOf(file: string): number[] {
  using pages = new PageFile(file);
  const tables = pages.tables(() => undefined) ?? new Map<string, { readonly page: bigint }>();
  return [...tables.values()].map(({ page }) => Number(page)).filter((page) => page < 1e9);
}

function eachNode(content: Buffer, page: number, work: (node: number) => void): void {
  const header = page * pageSize;
  for (let at = header + 24; at < header + 24 + content.readUInt16LE(header + 20); at += 2)
    work(header + 24 + content.readUInt16LE(at));
}

function treesToValues(content: Buffer, node: number): void {
  if (content.readUInt16LE(node + 4) === 2) content.writeUInt16LE(0, node + 4);
}
