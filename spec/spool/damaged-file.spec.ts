import { copyFileSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { rescueSpool } from "../../src/spool/rescue.ts";
import { defaultSpoolOptions, openSpool } from "../../src/spool/spool.ts";
import { verifySpool } from "../../src/spool/verify.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { delivered, draft, EventList, octets, seededRandom, stored, TemporaryDirectory } from "./support.ts";

const pageSize = 4096;
const messages = 200;
const flags = { branch: 1, leaf: 2, overflow: 4 };

/** LMDB itself ends the process on most of these, or never comes back: that this file ends at all is part of the proof. */
describe("a spool whose file is damaged", () => {
  const home = new TemporaryDirectory();
  const original = path.join(home.path, "spool");
  let sound: Buffer;
  let cases = 0;

  beforeAll(async () => {
    const options = { dir: original, maxOctets: 1e12, minFreeOctets: 0, historyDays: 30, ballastOctets: 0 };
    await using spool = await openSpool(
      { ...defaultSpoolOptions, ...options },
      { clock: new ManualClock(), random: seededRandom(), events: new EventList() },
    );
    for (let n = 0; n < messages; n++) {
      const { id } = await stored(spool, octets((n * 37) % 9000, n + 1), draft({ messageId: `<${n}@x>` }));
      if (n % 4 === 0) await spool.update(id, delivered);
    }
    await spool.maintain();
  });
  beforeAll(() => {
    sound = readFileSync(path.join(original, "data.mdb"));
  });
  afterAll(() => home[Symbol.dispose]());

  function damaged(damage: (content: Buffer) => void): string {
    const dir = path.join(home.path, `case-${(cases += 1)}`);
    mkdirSync(dir);
    const content = Buffer.from(sound);
    damage(content);
    writeFileSync(path.join(dir, "data.mdb"), content);
    return dir;
  }

  /** Pages of a kind that are in use: what the file says of them is not to be had without following its trees. */
  const pagesOf = (kind: number): number[] =>
    Array.from({ length: sound.length / pageSize }, (_, page) => page).filter(
      (page) => page > 1 && sound.readUInt16LE(page * pageSize + 18) === kind,
    );

  const open = async (dir: string) => {
    const options = {
      ...defaultSpoolOptions,
      dir,
      maxOctets: 1e12,
      minFreeOctets: 0,
      historyDays: 30,
      ballastOctets: 0,
    };
    return openSpool(options, { clock: new ManualClock(), random: seededRandom(), events: new EventList() });
  };

  it("is told from one that is not", async () => {
    const dir = damaged(() => undefined);
    expect(await verifySpool(dir)).toMatchObject({ faults: [], messages: (messages / 4) * 3, history: messages / 4 });
  });

  it.each([0, 1])("with meta page %i lost is found damaged, and is not opened", async (page) => {
    const dir = damaged((content) => content.fill(0, page * pageSize, (page + 1) * pageSize));
    expect((await verifySpool(dir)).faults).not.toEqual([]);
    await expect(open(dir)).rejects.toMatchObject({ code: "SPOOL_UNUSABLE" });
  });

  it.each([0.9, 0.5, 0.2])("cut short to %f of its length is found damaged", async (share) => {
    const dir = path.join(home.path, `case-${(cases += 1)}`);
    mkdirSync(dir);
    copyFileSync(path.join(original, "data.mdb"), path.join(dir, "data.mdb"));
    truncateSync(path.join(dir, "data.mdb"), Math.floor(sound.length * share));
    expect((await verifySpool(dir)).faults).not.toEqual([]);
  });

  it("with a tree that leads back into itself is found damaged, and all its mail is rescued", async () => {
    const branches = pagesOf(flags.branch);
    expect(branches.length).toBeGreaterThan(3);
    const dir = damaged((content) => {
      for (const page of branches) {
        const header = page * pageSize;
        const entries = content.readUInt16LE(header + 20);
        // Every child of every branch is its own parent: following them all again and again would never end.
        for (let at = header + 24; at < header + 24 + entries; at += 2) {
          const node = header + 24 + content.readUInt16LE(at);
          content.writeUIntLE(page, node, 6);
        }
      }
    });
    expect((await verifySpool(dir)).faults).not.toEqual([]);
    const { whole, partial } = rescueSpool(dir, `${dir}-out`);
    expect(whole.length + partial.length).toBeGreaterThanOrEqual((messages / 4) * 3);
    expect(whole.length).toBeGreaterThanOrEqual((messages / 4) * 3);
  });

  it("in single octets of its trees never ends the process, and costs no message unseen", async () => {
    const random = seededRandom(5);
    const trees = [...pagesOf(flags.branch), ...pagesOf(flags.leaf)];
    for (let round = 0; round < 60; round++) {
      const dir = damaged((content) => {
        for (let n = 0; n < 10; n++) {
          const page = trees[Math.floor(random.next() * trees.length)] ?? 2;
          const at = page * pageSize + Math.floor(random.next() * pageSize);
          content[at] = (content[at] ?? 0) ^ (1 + Math.floor(random.next() * 255));
        }
      });
      // An octet in the unused part of a page, or in a page that is free, harms nothing: then all is as it was.
      const { faults, messages: found } = await verifySpool(dir);
      expect(faults.length > 0 || found === (messages / 4) * 3).toBe(true);
    }
  });

  it("in whole pages, zeroed or overwritten, never ends the process", async () => {
    const random = seededRandom(6);
    let found = 0;
    for (let round = 0; round < 30; round++) {
      const dir = damaged((content) => {
        for (let n = 0; n < 3; n++) {
          const at = (2 + Math.floor(random.next() * (content.length / pageSize - 2))) * pageSize;
          if (round % 2 === 0) content.fill(0, at, at + pageSize);
          else octets(pageSize, round * 10 + n).copy(content, at);
        }
      });
      if ((await verifySpool(dir)).faults.length > 0) found += 1;
    }
    expect(found).toBeGreaterThan(20);
  });
});
