/**
 * What administrators do, at random, to mail on its way. Either at rest (the destination is paused first, and nothing runs)
 * or while it may just be on its way; the ledger is told which, since the latter may still arrive.
 */
import { z } from "zod";
import {
  actionResult,
  messagePage,
  status,
  type Action,
  type ActionResult,
  type MessageSummary,
} from "../../src/admin/schemas.ts";
import { anyAnswer } from "../../src/cli/admin-client.ts";
import type { Fault } from "./fault.ts";
import { numberIn } from "./mail.ts";
import { targets } from "./peers.ts";
import type { World } from "./world.ts";

const results = z.array(actionResult);
const restMs = 10_000;
const lookMs = 50;

export const adminFaults: readonly Fault[] = [
  { name: "hold and release", weight: 1, strike: heldAndReleased },
  { name: "redirect", weight: 1, strike: redirected },
  { name: "drop", weight: 1, strike: dropped },
  { name: "bounce", weight: 1, strike: bounced },
  { name: "pause over a kill, and resume", weight: 1, strike: pausedAndResumed },
];

/** Some of what waits, with a number. */
async function waiting(world: World, direction?: "inbound" | "outbound"): Promise<MessageSummary[]> {
  const page = await world.client.get(messagePage, "/v1/messages", { state: "queued", direction, limit: 1000 });
  const ours = page.messages.filter(({ messageId }) => numberIn(messageId) !== undefined);
  return world.chance.shuffled(ours).slice(0, world.chance.whole(1, 3));
}

/** Mail waits before destinations that are paused; true: and none of it is on its way any more. */
async function atRest(world: World, wanted: boolean, work: () => Promise<string>): Promise<string> {
  if (!wanted) {
    world.traffic(3, 3);
    await world.pieces(world.chance.whole(10, 60));
    return work();
  }
  await setPaused(world, "pause");
  try {
    world.traffic(3, 3);
    await world.pieces(world.chance.whole(30, 90));
    await stillness(world);
    return await work();
  } finally {
    await setPaused(world, "resume");
  }
}

async function setPaused({ client }: World, verb: "pause" | "resume"): Promise<void> {
  for (const target of targets)
    // A relay may not be configured just now.
    await client.post(anyAnswer, `/v1/destinations/${target}/${verb}`, {}).catch(() => undefined);
}

async function stillness(world: World): Promise<void> {
  for (const end = performance.now() + restMs; performance.now() < end;) {
    const { destinations } = await world.client.get(status, "/v1/status");
    if (destinations.every(({ running }) => running === 0)) return;
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  }
  world.ledger.problem("deliveries run on although their destinations are paused");
}

async function act(world: World, ids: readonly string[], action: Action): Promise<ActionResult[]> {
  return ids.length === 0 ? [] : world.client.post(results, "/v1/actions", { ids, act: action });
}

async function heldAndReleased(world: World): Promise<string> {
  return atRest(world, world.chance.next() < 0.5, async () => {
    const ids = (await waiting(world)).map(({ id }) => id);
    const held = await act(world, ids, { action: "hold" });
    if (world.chance.next() < 0.5) {
      await world.kill();
      await world.start();
    }
    // What is not released now is released at the end.
    const chosen = held.filter(({ kind }) => kind === "done" && world.chance.next() < 0.7).map(({ id }) => id);
    const released = await act(world, chosen, { action: "release" });
    return `${done(held)} held, ${done(released)} of them released`;
  });
}

async function redirected(world: World): Promise<string> {
  const isAtRest = world.chance.next() < 0.5;
  return atRest(world, isAtRest, async () => {
    let count = 0;
    for (const before of await waiting(world)) {
      const number = numberIn(before.messageId) ?? "";
      const domain = before.direction === "inbound" ? "firma.example" : "else.example";
      const to = `${number}-r${world.chance.whole(0, 999_999)}@${domain}`;
      const [result] = await act(world, [before.id], { action: "redirect", to });
      const first = noteDropped(world, before, result, isAtRest)[0];
      if (first === undefined) continue;
      world.ledger.joined(number, to, first);
      count += 1;
    }
    return `${count} redirected${isAtRest ? "" : ", perhaps on their way"}`;
  });
}

async function dropped(world: World): Promise<string> {
  const isAtRest = world.chance.next() < 0.5;
  return atRest(world, isAtRest, async () => {
    let count = 0;
    for (const before of await waiting(world)) {
      const [one] = before.recipients;
      const only = world.chance.next() < 0.5 && one !== undefined ? { recipients: [one.address] } : {};
      const [result] = await act(world, [before.id], { action: "drop", ...only });
      count += noteDropped(world, before, result, isAtRest).length;
    }
    return `${count} recipients dropped${isAtRest ? "" : ", perhaps on their way"}`;
  });
}

/** Whom it has been dropped for just now. */
function noteDropped(
  world: World,
  before: MessageSummary,
  result: ActionResult | undefined,
  isAtRest: boolean,
): string[] {
  if (result?.kind !== "done") return [];
  const wasDropped = new Set(
    before.recipients.filter(({ state }) => state === "dropped").map(({ address }) => address),
  );
  const addresses = (result.message?.recipients ?? [])
    .filter(({ address, state }) => state === "dropped" && !wasDropped.has(address))
    .map(({ address }) => address);
  for (const address of addresses)
    world.ledger.dropped(numberIn(before.messageId) ?? "", address, isAtRest ? "at-rest" : "on-its-way");
  return addresses;
}

/** Returned to the sender: each of its recipients is reported as failed. */
async function bounced(world: World): Promise<string> {
  return atRest(world, true, async () => {
    const ids = (await waiting(world, "outbound")).map(({ id }) => id);
    return `${done(await act(world, ids, { action: "bounce" }))} returned to the sender`;
  });
}

async function pausedAndResumed(world: World): Promise<string> {
  return atRest(world, true, async () => {
    await world.kill();
    await world.start();
    const { destinations } = await world.client.get(status, "/v1/status");
    for (const { name, state } of destinations)
      if (state !== "stopped") world.ledger.problem(`${name} is ${state} after a restart, and was paused`);
    return "destinations paused, killed, started, resumed";
  });
}

function done(all: readonly ActionResult[]): number {
  return all.filter(({ kind }) => kind === "done").length;
}
