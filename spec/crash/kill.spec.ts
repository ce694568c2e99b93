import { expect, it } from "vitest";
import type { MessageId } from "../../src/core/ids.ts";
import { systemClock, systemRandom } from "../../src/runtime/clock.ts";
import { defaultSpoolOptions, openSpool } from "../../src/spool/spool.ts";
import { verifySpool } from "../../src/spool/verify.ts";
import { account, digestOf, EventList, read, seededRandom, TemporaryDirectory } from "../spool/support.ts";
import { Program } from "./support/program.ts";

const rounds = 10;

it("a process killed at any moment loses nothing that it has said is stored, and leaves nothing half", async () => {
  using dir = new TemporaryDirectory();
  const random = seededRandom(3);
  /** What was said: digest by id. */
  const committed = new Map<string, { digest: string; uidl: string }>();
  const ending = new Set<string>();
  const ended = new Set<string>();
  let sweptInAll = 0;
  for (let round = 1; round <= rounds; round++) {
    await using program = new Program("write-until-killed.ts", [dir.path, String(round)]);
    await program.said(1 + Math.floor(random.next() * 60));
    const { lines, errors, signal } = await program.kill();
    expect({ errors, signal }).toEqual({ errors: "", signal: "SIGKILL" });
    for (const line of lines) {
      const [word, id = "", digest = "", uidl = ""] = line.split(" ");
      if (word === "committed") committed.set(id, { digest, uidl });
      if (word === "ending") ending.add(id);
      if (word === "ended") ended.add(id);
    }

    const events = new EventList();
    const options = {
      ...defaultSpoolOptions,
      dir: dir.path,
      maxOctets: 1e12,
      minFreeOctets: 0,
      historyDays: 30,
      ballastOctets: 0,
    };
    {
      await using spool = await openSpool(options, { clock: systemClock, random: systemRandom, events });
      sweptInAll += events.of("spool-opened")[0]?.swept ?? 0;
      const ledger = new Map((await spool.entries(account())).map((entry) => [entry.uidl, entry]));
      for (const [id, { digest, uidl }] of committed) {
        const record = await spool.load(id as MessageId);
        const history = await spool.history(id as MessageId);
        expect({ id, digest: (record ?? history)?.digest }).toEqual({ id, digest });
        // Never both, and never undone: what was said to have ended has.
        expect({ id, both: record !== undefined && history !== undefined }).toEqual({ id, both: false });
        if (ended.has(id)) expect({ id, record }).toEqual({ id, record: undefined });
        if (!ending.has(id)) expect({ id, history }).toEqual({ id, history: undefined });
        if (record !== undefined) expect(digestOf(await read(spool, record.id))).toBe(digest);
        expect(ledger.get(uidl)).toMatchObject({ messageId: id, digest });
      }
      // What is there without having been said (the process died between the two) is whole as well.
      for (const { messageId } of ledger.values()) {
        if (messageId === undefined) throw new Error("the ledger names no message");
        if ((await spool.load(messageId)) !== undefined) await read(spool, messageId);
        else expect(await spool.history(messageId)).toBeDefined();
      }
      await spool.maintain();
    }
    expect(await verifySpool(dir.path)).toMatchObject({ faults: [], leftovers: 0, setAside: 0 });
  }
  expect(committed.size).toBeGreaterThan(rounds);
  // Some rounds must have died in the middle of a message: otherwise the sweep was never put to the test.
  expect(sweptInAll).toBeGreaterThan(0);
  // Ten processes that start, sync and are killed: seconds alone, minutes beside others.
}, 300_000);
