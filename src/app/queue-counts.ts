/**
 * What waits, in numbers, for the status. Held mail and the oldest queued message are found by reading records, page by
 * page, between which others have their turn; so much is read at most, so that a status never takes long.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Status } from "../admin/schemas.ts";
import type { MessageId } from "../core/ids.ts";
import type { EpochMs } from "../core/ports.ts";
import type { Inspection } from "../spool/port.ts";
import { holdsOf, type Direction, type MessageRecord, type Recipient } from "../spool/record.ts";

const page = 500;
/** Held messages that are counted by reason and direction; beyond, only their number is told. */
const mostCounted = 20_000;

/** Numbers of the queue, by direction, and of what is held, by reason. */
export async function queueOf(spool: Inspection): Promise<Status["queue"]> {
  const { queued, queuedOutbound, held, octets } = spool.counts();
  const holds = await countHeld(spool, held);
  const oldest = await oldestQueued(spool, { inbound: queued - queuedOutbound, outbound: queuedOutbound });
  const times = Object.values(oldest).filter((time) => time !== undefined);
  const of = (direction: Direction, count: number): Status["queue"][Direction] => {
    const time = oldest[direction];
    return {
      queued: count,
      held: holds[direction],
      ...(time === undefined ? {} : { oldestQueuedAt: time }),
    };
  };
  return {
    queued,
    held,
    octets,
    heldByReason: holds.byReason,
    inbound: of("inbound", queued - queuedOutbound),
    outbound: of("outbound", queuedOutbound),
    ...(times.length === 0 ? {} : { oldestQueuedAt: Math.min(...times) }),
  };
}

/**
 * Messages by the destination that they would go to now; one with recipients for two counts at both. `undefined` when the
 * queue is so long that a status would take long.
 */
export async function queuedByDestination(
  spool: Inspection,
  destinationFor: (record: MessageRecord, recipient: Recipient) => string | undefined,
): Promise<ReadonlyMap<string, number> | undefined> {
  const counts = new Map<string, number>();
  if (spool.counts().queued === 0) return counts;
  let seen = 0;
  for (let after: MessageId | undefined; seen < mostCounted;) {
    const records = await spool.list(after, page);
    for (const record of records) {
      const open = record.hold === undefined ? record.recipients.filter(({ state }) => state.kind === "queued") : [];
      for (const name of new Set(open.map((recipient) => destinationFor(record, recipient))))
        if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    seen += records.length;
    after = records.at(-1)?.id;
    if (records.length < page) return counts;
    await nextTurn();
  }
  return undefined;
}

interface HoldCounts {
  readonly byReason: Record<string, number>;
  inbound: number;
  outbound: number;
}

async function countHeld(spool: Inspection, held: number): Promise<HoldCounts> {
  const counts: HoldCounts = { byReason: {}, inbound: 0, outbound: 0 };
  if (held === 0) return counts;
  let seen = 0;
  for (let after: MessageId | undefined; seen < mostCounted;) {
    const records = await spool.held(after, page);
    for (const record of records) {
      seen += 1;
      counts[record.direction] += 1;
      for (const reason of new Set(holdsOf(record).map(({ hold }) => hold.reason)))
        counts.byReason[reason] = (counts.byReason[reason] ?? 0) + 1;
    }
    after = records.at(-1)?.id;
    if (records.length < page) break;
    await nextTurn();
  }
  return counts;
}

/** Ids sort by time of arrival: among the first there is one that is queued, unless very much is held. */
async function oldestQueued(
  spool: Inspection,
  queued: Readonly<Record<Direction, number>>,
): Promise<Partial<Record<Direction, EpochMs>>> {
  const oldest: Partial<Record<Direction, EpochMs>> = {};
  const missing = new Set((["inbound", "outbound"] as const).filter((direction) => queued[direction] > 0));
  for (let after: MessageId | undefined, pages = 0; pages < 10 && missing.size > 0; pages += 1) {
    const records = await spool.list(after, page);
    for (const { direction, receivedAt, recipients, hold } of records) {
      if (hold !== undefined || !missing.has(direction)) continue;
      if (!recipients.some(({ state }) => state.kind === "queued")) continue;
      oldest[direction] = receivedAt;
      missing.delete(direction);
    }
    after = records.at(-1)?.id;
    if (records.length < page) break;
    await nextTurn();
  }
  return oldest;
}
