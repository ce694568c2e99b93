import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { isSpool, schemaOf } from "../../src/spool/schema.ts";
import { verifySpool } from "../../src/spool/verify.ts";
import { contentOf, unpackV1, withStore } from "../spool/spool-v1.ts";
import { seededRandom, TemporaryDirectory } from "../spool/support.ts";
import { Program } from "./support/program.ts";

/** Each test starts many processes, one beside the other or after the other: seconds alone, minutes on a busy machine. */
const manyProcessesMs = 300_000;

/** Runs the program again and again, killed after so many lines each time, until it says that it is done. */
async function untilDone(dir: string, target: number, lines: () => number): Promise<{ kills: number; said: string[] }> {
  const said: string[] = [];
  for (let kills = 0; kills < 100; kills++) {
    await using program = new Program("upgrade-until-killed.ts", [dir, String(target)]);
    await program.said(lines());
    const ended = await program.kill();
    said.push(...ended.lines);
    expect(ended.errors).toBe("");
    if (ended.lines.includes("done")) return { kills, said };
  }
  throw new Error("it does not come to an end");
}

it(
  "an upgrade killed at any moment, and at the next one, comes to its end with everything, and so does the way back",
  async () => {
    const random = seededRandom(11);
    let killed = 0;
    using home = new TemporaryDirectory();
    const dir = path.join(home.path, "spool");
    unpackV1(dir);
    const before = await withStore(dir, contentOf);
    const up = await untilDone(dir, 4, () => 1 + Math.floor(random.next() * 24));
    killed += up.kills;
    const state = await withStore(dir, (store) => schemaOf(store, 4));
    expect(state).toMatchObject({ kind: "current", about: { before: { schema: 1 } } });
    // Killed between the end of the copy and the first change, it makes another: who knows what came in between.
    const copies = readdirSync(dir).filter((name) => isSpool(path.join(dir, name)));
    expect(copies).toContain(state.kind === "current" ? state.about.before?.copy : undefined);
    const after = await withStore(dir, contentOf);
    expect(after.filter((line) => !line.startsWith("message "))).toEqual(
      before.filter((line) => !line.startsWith("message ")),
    );
    for (const line of after.filter((one) => one.startsWith("message "))) {
      const record = JSON.parse(Buffer.from(line.split(" ")[2] ?? "", "base64").toString()) as Record<string, unknown>;
      expect(record).toMatchObject({ third: true, fourth: true });
    }
    // A copy is of before, however often it was begun anew.
    for (const copy of copies.map((name) => path.join(dir, name))) {
      expect(await withStore(copy, contentOf)).toEqual(before);
      expect(await verifySpool(copy)).toMatchObject({ messages: 7, faults: [] });
      expect(existsSync(path.join(copy, "unfinished"))).toBe(false);
    }

    const down = await untilDone(dir, 1, () => 1 + Math.floor(random.next() * 24));
    killed += down.kills;
    expect(await withStore(dir, contentOf)).toEqual(before);
    expect(await verifySpool(dir)).toMatchObject({ messages: 7, faults: [] });
    expect(killed).toBeGreaterThan(1);
  },
  manyProcessesMs,
);

it(
  "two programs do not change one spool at the same time",
  async () => {
    using home = new TemporaryDirectory();
    const dir = path.join(home.path, "spool");
    unpackV1(dir);
    const rivals = Array.from({ length: 4 }, () => new Program("upgrade-until-killed.ts", [dir, "4"]));
    const ended = await Promise.all(rivals.map(async (rival) => rival.ended()));
    // Who comes in time is refused by the lock; who comes too late finds nothing to do.
    const refused = ended.filter(({ errors }) => errors.includes("is in use by process"));
    const worked = ended.filter(({ lines }) => lines.includes("spool-changed"));
    expect(worked).toHaveLength(1);
    for (const { lines, errors, code } of ended)
      if (!errors.includes("is in use by process"))
        expect({ code, last: lines.at(-1) }).toEqual({ code: 0, last: "done" });
    expect(refused.length).toBeGreaterThan(0);
    expect(await withStore(dir, (store) => schemaOf(store, 4))).toMatchObject({ kind: "current" });
  },
  manyProcessesMs,
);
