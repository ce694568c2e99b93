/** Outcomes share the flush of an acceptance: they wait for it only while mail comes in, and not for long. */
import { expect, it } from "vitest";
import type { Write } from "../../src/spool/store.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { MemoryStore, openMemorySpool } from "../fakes/memory-spool.ts";
import { delivered, draft, EventList, octets, seededRandom, store } from "./support.ts";

const patienceMs = 20;

async function place() {
  const commits: (readonly Write[])[] = [];
  const disk = new MemoryStore({
    onCommit: (writes) => {
      commits.push(writes);
      return undefined;
    },
  });
  const clock = new ManualClock();
  const spool = await openMemorySpool({ clock, random: seededRandom(), events: new EventList() }, disk, { patienceMs });
  const result = await store(spool, octets(10));
  if (result.kind !== "stored") throw new Error("a duplicate");
  commits.length = 0;
  return { spool, clock, commits, id: result.record.id };
}

it("does not wait while nothing is on its way in", async () => {
  const { spool, commits, id } = await place();
  await using _open = spool;
  await spool.update(id, delivered);
  expect(commits).toHaveLength(1);
});

it("goes along with the next acceptance, behind it", async () => {
  const { spool, clock, commits, id } = await place();
  await using _open = spool;
  await using ingest = spool.begin();
  const updating = spool.update(id, delivered);
  await ingest.write(octets(10));
  await clock.advance(patienceMs - 1);
  expect(commits).toHaveLength(0);
  await Promise.all([ingest.commit(draft(), undefined), updating]);
  expect(commits).toHaveLength(2);
  expect(commits[0]?.some(({ key }) => key === ingest.id)).toBe(true);
  expect(commits[1]?.some(({ key }) => key === id)).toBe(true);
  expect(clock.waits.every((at) => at > clock.now() + patienceMs)).toBe(true);
});

it("goes alone when no acceptance comes in time", async () => {
  const { spool, clock, commits, id } = await place();
  await using _open = spool;
  await using _ingest = spool.begin();
  const updating = spool.update(id, delivered);
  await clock.advance(patienceMs);
  await updating;
  expect(commits).toHaveLength(1);
});

it("is stored before the spool is closed", async () => {
  const { spool, commits, id } = await place();
  await using _ingest = spool.begin();
  const updating = spool.update(id, delivered);
  await spool[Symbol.asyncDispose]();
  expect(commits).toHaveLength(1);
  await updating;
});
