/** What an administrator has paused, and what becomes of it when that cannot be written down. */
import { expect, test } from "vitest";
import { openPaused } from "../../src/app/paused.ts";
import { SpoolError } from "../../src/spool/port.ts";

/** One value, and a disk that fails when told to. */
function memory() {
  let stored: unknown;
  const disk = { isBroken: false };
  return {
    disk,
    state: async () => stored,
    putState: async (_: unknown, value: unknown) => {
      if (disk.isBroken) throw new SpoolError("SPOOL_FAILED", "no space left");
      stored = structuredClone(value);
    },
  };
}

test("it lasts over a restart", async () => {
  const spool = memory();
  const paused = await openPaused(spool);
  await paused.set("destinations", "exchange", true);
  await paused.set("accounts", "box", true);
  await paused.set("accounts", "other", true);
  await paused.set("accounts", "other", false);
  const again = await openPaused(spool);
  expect([...again.accounts, ...again.destinations]).toEqual(["box", "exchange"]);
});

test("a pause that cannot be written down is none, nor is the end of one: the next reload must not bring a surprise", async () => {
  const spool = memory();
  const paused = await openPaused(spool);
  await paused.set("accounts", "box", true);
  spool.disk.isBroken = true;
  await expect(paused.set("accounts", "box", false)).rejects.toThrow("no space left");
  await expect(paused.set("destinations", "exchange", true)).rejects.toThrow("no space left");
  expect([...paused.accounts]).toEqual(["box"]);
  expect([...paused.destinations]).toEqual([]);
});
