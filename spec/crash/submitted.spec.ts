import { expect, it } from "vitest";
import type { MessageId } from "../../src/core/ids.ts";
import { systemClock, systemRandom } from "../../src/runtime/clock.ts";
import { defaultSpoolOptions, openSpool } from "../../src/spool/spool.ts";
import { verifySpool } from "../../src/spool/verify.ts";
import { digestOf, EventList, read, seededRandom, TemporaryDirectory } from "../spool/support.ts";
import { Program } from "./support/program.ts";

const rounds = 5;

it("a listener killed at any moment has every message that it answered 250, whole and due, and nothing half", async () => {
  using dir = new TemporaryDirectory();
  const random = seededRandom(5);
  /** What was answered 250: digest and number of the message by id. */
  const answered = new Map<string, { readonly digest: string; readonly number: string }>();
  let sweptInAll = 0;
  for (let round = 1; round <= rounds; round++) {
    await using program = new Program("receive-until-killed.ts", [dir.path, String(round)]);
    await program.said(2 + Math.floor(random.next() * 30));
    const { lines, errors, signal } = await program.kill();
    expect({ errors, signal }).toEqual({ errors: "", signal: "SIGKILL" });
    for (const line of lines) {
      const [word, id = "", digest = "", number = ""] = line.split(" ");
      if (word === "stored") answered.set(id, { digest, number });
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
      const due = new Set<string>((await spool.due("outbound", Date.now(), 100_000)).map(({ id }) => id));
      for (const [id, { digest, number }] of answered) {
        const record = await spool.load(id as MessageId);
        expect(record?.recipients.map(({ address }) => address)).toEqual([
          `x${number}@kunde.example`,
          "y@kunde.example",
        ]);
        expect({ id, due: due.has(id) }).toEqual({ id, due: true });
        expect(digestOf(await read(spool, id as MessageId))).toBe(digest);
      }
      // One that was stored without its answer having been read is sent again by the client; it is whole as well.
      for (const id of due) if (!answered.has(id)) await read(spool, id as MessageId);
      await spool.maintain();
    }
    expect(await verifySpool(dir.path)).toMatchObject({ faults: [], leftovers: 0, setAside: 0 });
  }
  expect(answered.size).toBeGreaterThan(rounds);
  // Some rounds must have died in the middle of a message: otherwise the sweep was never put to the test.
  expect(sweptInAll).toBeGreaterThan(0);
}, 60_000);
