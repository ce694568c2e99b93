/**
 * The end of a torture run: faults are over, popgate is started anew, what it held is released, and everything drains.
 * Then `popgate audit` and `popgate verify` are asked, of the daemon and of the stopped spool, and must agree with the
 * ledger.
 */
import { setTimeout as after } from "node:timers/promises";
import { anyAnswer } from "../../src/cli/admin-client.ts";
import { audit as auditSchema, messagePage, type Audit } from "../../src/admin/schemas.ts";
import { auditSpool } from "../../src/spool/audit.ts";
import { verifySpool } from "../../src/spool/verify.ts";
import type { Verdict } from "./ledger.ts";
import type { World } from "./world.ts";

/** Between two looks, while things happen by themselves. */
const lookMs = 250;

/** Resolves when nothing is left anywhere, or rejects with the signal. */
export async function drain(world: World, signal: AbortSignal): Promise<void> {
  await world.configure(world.settings);
  world.clock.set(0);
  // With the usual configuration and the right time, whatever they were.
  await world.stop();
  await world.start();
  await world.handedOver();
  const { client } = world;
  for (let looks = 0; ; looks++) {
    signal.throwIfAborted();
    await releaseHeld(world);
    const audit = await client.get(auditSchema, "/v1/audit");
    if (world.peers.areBoxesEmpty && audit.open === 0) return;
    // A target that was found down just before is tried by itself only after a while.
    if (looks % 40 === 39) {
      await world.stop();
      await world.start();
    }
    await after(lookMs, undefined, { signal });
  }
}

async function releaseHeld({ client }: World): Promise<void> {
  const { messages } = await client.get(messagePage, "/v1/messages", { state: "held", limit: 1000 });
  if (messages.length === 0) return;
  await client.post(anyAnswer, "/v1/actions", { ids: messages.map(({ id }) => id), act: { action: "release" } });
}

/** What audit and verify say against the ledger: nothing, if all is well. */
export async function compare(world: World, verdict: Verdict, signal: AbortSignal): Promise<string[]> {
  const running = await world.client.get(auditSchema, "/v1/audit");
  await world.stop();
  const stopped = await auditSpool(world.spool, signal);
  const { faults } = await verifySpool(world.spool);
  return [
    ...disagreements(running, verdict).map((text) => `audit of the daemon: ${text}`),
    ...disagreements(stopped, verdict).map((text) => `audit of the spool: ${text}`),
    ...faults.map(({ where, detail }) => `verify: ${where}: ${detail}`),
  ];
}

/** The same, where the history is too short to hold all of it: what is there must add up, and nothing may be open. */
export async function consistent(world: World, signal: AbortSignal): Promise<string[]> {
  const running = await world.client.get(auditSchema, "/v1/audit");
  await world.stop();
  const stopped = await auditSpool(world.spool, signal);
  const { faults } = await verifySpool(world.spool);
  return [
    ...[running, stopped].flatMap(({ open, inconsistencies }) => [
      ...(open === 0 ? [] : [`audit: ${open} messages are open`]),
      ...inconsistencies.map(({ id, detail }) => `audit: ${id}: ${detail}`),
    ]),
    ...faults.map(({ where, detail }) => `verify: ${where}: ${detail}`),
  ];
}

function disagreements(audit: Audit, { counts }: Verdict): string[] {
  const found = audit.inconsistencies.map(({ id, detail }) => `${id}: ${detail}`);
  const expect = (what: string, is: number, least: number, most = least): void => {
    if (is < least || is > most)
      found.push(`${what}: ${is}, and not ${least === most ? least : `${least} to ${most}`}`);
  };
  const from = (origin: string): number => audit.ways.find((way) => way.origin === origin)?.messages ?? 0;
  for (const [box, messages] of Object.entries(counts.inbound)) expect(`messages from ${box}`, from(box), messages);
  expect("messages from the listener", from("listener"), counts.outboundLeast, counts.outboundMost);
  expect("reports", audit.reports, counts.reports);
  expect("recipients reported as failed", audit.failures.reported, counts.failed);
  expect("dropped recipients", audit.recipients.dropped, counts.droppedLeast, counts.droppedMost);
  expect("open messages", audit.open, 0);
  expect("inconsistencies", audit.wrong, 0);
  expect("messages", audit.messages, audit.open + audit.ended);
  return found;
}
