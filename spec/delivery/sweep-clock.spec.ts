/** The sweep under a clock that jumps: a machine that boots without the time gets it in the middle of a round. */
import { expect, it } from "vitest";
import { createOverdueSweep } from "../../src/delivery/overdue-sweep.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { MemoryStore, openMemorySpool } from "../fakes/memory-spool.ts";
import { outboundDraft, unreachable } from "./outbound-records.ts";

const hour = 3_600_000;
const year = 365 * 24 * hour;

it("that is set forward by years while it looks: it looks again within the hour", async () => {
  const clock = new ManualClock();
  const quiet = {
    now: () => clock.now(),
    sleep: async (_: number, signal: AbortSignal) => clock.sleep(1e15, signal),
  };
  const events = { emit: () => undefined };
  await using spool = await openMemorySpool(
    { clock: quiet, events, random: { next: () => Math.random() } },
    new MemoryStore(),
  );
  const add = async () => {
    await using ingest = spool.begin();
    await ingest.write(Buffer.from("Subject: x\r\n\r\n"));
    await ingest.commit(outboundDraft({ at: clock.now() }), undefined);
    return ingest.id;
  };
  await add();
  clock.set(clock.now() + 5 * hour);
  let jumped: number | undefined;
  const stop = new AbortController();
  const sweep = createOverdueSweep({
    spool,
    clock,
    events,
    rules: { delayNoticeMs: 4 * hour, giveUpMs: 120 * hour },
    isUnderWay: () => {
      if (jumped === undefined) clock.set((jumped = clock.now() + 3 * year));
      return false;
    },
    hindranceOf: () => ({ cause: unreachable }),
  });
  const running = sweep.run(stop.signal);
  await clock.advance(6 * 60_000);
  if (jumped === undefined) throw new Error("it has not looked");
  clock.set(jumped);
  const later = await add();
  await clock.advance(5 * hour);
  expect((await spool.load(later))?.owed).toMatchObject([{ kind: "delayed" }]);
  stop.abort();
  await running;
});
