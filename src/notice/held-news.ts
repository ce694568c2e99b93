/**
 * Held mail that nobody has been told of, as one notice tells it: all of it counted, the first of it one by one.
 *
 * Guarantees: memory does not grow with the messages beyond their ids and reasons. What is held while a notice is being
 * written is not marked as told: the next notice tells of it.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { HoldReason } from "../core/hold.ts";
import type { MessageId } from "../core/ids.ts";
import type { EpochMs } from "../core/ports.ts";
import { SpoolError, type Inspection, type Queue } from "../spool/port.ts";
import { holdsOf, type MessageRecord } from "../spool/record.ts";
import type { NoticeItem } from "./notice-text.ts";

export interface HeldNews {
  /** Holds by reason; a message can have several, one for each recipient. */
  readonly counts: ReadonlyMap<HoldReason, number>;
  /** The first of them, at most `listedAtMost`. */
  readonly items: readonly NoticeItem[];
  readonly messages: readonly ToldMessage[];
}

/** A message and what of it is told. */
interface ToldMessage {
  readonly id: MessageId;
  readonly holds: readonly string[];
}

/** So many are listed; of the others there is only their number. */
const listedAtMost = 50;
const pageSize = 200;
/** Messages marked at once: they share flushes. */
const marksInFlight = 100;

/** `undefined` when the signal was aborted meanwhile. */
export async function heldNews(spool: Inspection, signal: AbortSignal): Promise<HeldNews | undefined> {
  const counts = new Map<HoldReason, number>();
  const items: NoticeItem[] = [];
  const messages: ToldMessage[] = [];
  for (let after: MessageId | undefined; !signal.aborted;) {
    const page = await spool.held(after, pageSize);
    for (const record of page) {
      if (!isNews(record)) continue;
      messages.push({ id: record.id, holds: holdsOf(record).map(holdName) });
      for (const { hold } of holdsOf(record)) counts.set(hold.reason, (counts.get(hold.reason) ?? 0) + 1);
      if (items.length < listedAtMost) items.push(...itemsOf(record).slice(0, listedAtMost - items.length));
    }
    after = page.at(-1)?.id;
    if (page.length < pageSize) return { counts, items, messages };
    // Many held messages are read for seconds: others have their turn between pages.
    await nextTurn();
  }
  return undefined;
}

/** Marks them as told; durable. What has changed in a way that was not told stays news. */
export async function markTold(spool: Queue, messages: readonly ToldMessage[], now: EpochMs): Promise<void> {
  for (let begin = 0; begin < messages.length; begin += marksInFlight) {
    const group = messages.slice(begin, begin + marksInFlight);
    await Promise.all(group.map(async (message) => markOne(spool, message, now)));
  }
}

async function markOne(spool: Queue, { id, holds }: ToldMessage, now: EpochMs): Promise<void> {
  try {
    await spool.update(id, (record) =>
      holdsOf(record).every((each) => holds.includes(holdName(each))) ? { ...record, noticedAt: now } : record,
    );
  } catch (error) {
    // Somebody has settled it meanwhile.
    if (!(error instanceof SpoolError && error.code === "SPOOL_NO_MESSAGE")) throw error;
  }
}

/** A notice that is held is not told by another notice. */
function isNews({ origin, noticedAt }: MessageRecord): boolean {
  return noticedAt === undefined && !(origin.kind === "local" && origin.purpose === "notice");
}

function holdName({ recipient, hold }: ReturnType<typeof holdsOf>[number]): string {
  return `${hold.reason} ${hold.since} ${recipient ?? ""}`;
}

function itemsOf(record: MessageRecord): NoticeItem[] {
  const { id, origin, summary, receivedAt } = record;
  const account = origin.kind === "pop3" ? origin.account : "";
  return holdsOf(record).map(({ recipient, hold }) => ({
    id,
    account,
    from: summary.from,
    subject: summary.subject,
    receivedAt,
    recipient,
    reason: hold.reason,
    detail: hold.detail,
  }));
}
