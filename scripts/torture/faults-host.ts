/** What the machine does to popgate: its disk is full and has room again, its clock jumps, its spool is copied away. */
import { rm } from "node:fs/promises";
import path from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { status } from "../../src/admin/schemas.ts";
import { anyAnswer, longMs } from "../../src/cli/admin-client.ts";
import { auditSpool } from "../../src/spool/audit.ts";
import { verifySpool } from "../../src/spool/verify.ts";
import { within, type Fault } from "./fault.ts";
import type { World } from "./world.ts";

const disk = ({ disk: { impossible } }: World): string | undefined => impossible;
const clock = ({ clock: { impossible } }: World): string | undefined => impossible;
/** An attempt to take something in finds the disk full. */
const fullMs = 3_000;
/** A poll comes every second, by the configuration. */
const pollMs = 1_000;
const scheduleMs = 15_000;
const minuteSeconds = 60;
const daySeconds = 86_400;

export const hostFaults: readonly Fault[] = [
  { name: "disk full and freed", weight: 2, impossible: disk, strike: fullAndFreed },
  { name: "kill on a full disk", weight: 1, impossible: disk, strike: killedOnFullDisk },
  { name: "clock jumps forward", weight: 2, impossible: clock, strike: async (world) => jumped(world, 1) },
  { name: "clock jumps back", weight: 2, impossible: clock, strike: async (world) => jumped(world, -1) },
  { name: "backup, stop and start", weight: 1, strike: copied },
];

/** To the last octet, so that commits fail; or so far that there is too little room for anything new. */
async function fill(world: World): Promise<string> {
  const { daemon } = world;
  const leave = world.chance.pick([0, 2 * 1024 * 1024]);
  const full = daemon.said("spool-full", daemon.count("spool-full") + 1, AbortSignal.timeout(fullMs));
  world.disk.fill(leave);
  world.traffic(2, 3);
  const isMet = await full;
  await world.pieces(world.chance.whole(5, 40));
  return `the disk is full${leave === 0 ? "" : " but for 2 MB"}${isMet ? "" : " (met by nothing)"}`;
}

async function fullAndFreed(world: World): Promise<string> {
  const words = await fill(world);
  world.disk.free();
  return `${words}, and freed`;
}

/** It must start on a full disk as well. */
async function killedOnFullDisk(world: World): Promise<string> {
  const words = await fill(world);
  await world.kill();
  const freedFirst = world.chance.next() < 0.5;
  if (freedFirst) world.disk.free();
  await world.start();
  world.disk.free();
  return `${words}, killed, ${freedFirst ? "freed and started" : "started and freed"}`;
}

/** Seldom so far that mail gets too old. It stays there until the next jump, over restarts too. */
async function jumped(world: World, direction: 1 | -1): Promise<string> {
  const { chance } = world;
  const seconds =
    direction * chance.pick([chance.whole(1, 90) * minuteSeconds, chance.whole(2, 47) * 3600, 6 * daySeconds]);
  await untilNoPoll(world);
  // Never so far away that certificates end.
  const to = world.clock.offsetSeconds + seconds;
  const offset = Math.abs(to) > 20 * daySeconds ? 0 : to;
  world.clock.set(offset);
  await scheduleHolds(world);
  world.traffic(1, 1);
  return `the clock jumps by ${seconds} s, and is now ${offset} s off`;
}

/** A session that runs over the jump reckons its next time after it, and shows nothing. */
async function untilNoPoll({ client }: World): Promise<void> {
  for (const end = performance.now() + scheduleMs; performance.now() < end;) {
    const { accounts } = await client.get(status, "/v1/status");
    if (accounts.every(({ polling }) => !polling)) return;
  }
}

/** Boxes that can be polled are looked at within the second, whatever the clock says now, and nobody needs to ask for it. */
async function scheduleHolds({ client, ledger }: World): Promise<void> {
  let late: string[] = [];
  for (const end = performance.now() + scheduleMs; performance.now() < end;) {
    const { accounts, now, spool } = await client.get(status, "/v1/status");
    if (spool.health !== "ok") return;
    late = accounts
      .filter(({ failing, nextPollAt }) => !failing && nextPollAt !== undefined && nextPollAt > now + 2 * pollMs)
      .map(({ name }) => name);
    if (late.length === 0) return;
    await after(pollMs / 4);
  }
  for (const name of late) ledger.problem(`${name} is not polled as it should be after a jump of the clock`);
}

/** The copy of the running spool is sound in itself. */
async function copied(world: World): Promise<string> {
  const { client, ledger, chance } = world;
  const dir = path.join(world.dir, "backup");
  await rm(dir, { recursive: true, force: true });
  world.traffic(2, 2);
  const copying = client.post(anyAnswer, "/v1/backup", { dir }, longMs);
  await within(fullMs, world.pieces(chance.whole(1, 20)));
  await copying;
  await world.stop();
  const { faults } = await verifySpool(dir);
  for (const { where, detail } of faults) ledger.problem(`backup: ${where}: ${detail}`);
  const { inconsistencies } = await auditSpool(dir, AbortSignal.timeout(longMs));
  for (const { id, detail } of inconsistencies) ledger.problem(`backup: ${id}: ${detail}`);
  await rm(dir, { recursive: true, force: true });
  await world.start();
  return "copied while it ran, stopped, the copy verified, started again";
}
