/** The writes that make a record and its indexes agree. Pure. */
import { addressKey, type Address } from "../core/address.ts";
import type { EpochMs } from "../core/ports.ts";
import { encode } from "./codec.ts";
import { midKey, seenKey, timeKey } from "./keys.ts";
import { isEnded, nextDue, type Direction, type HistoryRecord, type MessageRecord } from "./record.ts";
import type { Write } from "./store.ts";

const nothing = Buffer.alloc(0);

function put(table: Write["table"], key: string, value: Buffer = Buffer.from(nothing)): Write {
  return { table, key, value };
}

function remove(table: Write["table"], key: string): Write {
  return { table, key, value: undefined };
}

/** True when something of it waits for a person. */
export function isHeld(record: Pick<MessageRecord, "hold" | "recipients">): boolean {
  return record.hold !== undefined || record.recipients.some(({ state }) => state.kind === "held");
}

/** True when its sender is to have a report. */
export function isOwed({ owed = [] }: Pick<MessageRecord, "owed">): boolean {
  return owed.length > 0;
}

/** Where the due times of a direction stand. */
export function dueTable(direction: Direction): "due" | "dueout" {
  return direction === "outbound" ? "dueout" : "due";
}

/** A record that is new in the queue. One that has ended already (no recipients were left) is history at once. */
export function writesForNew(record: MessageRecord, now: EpochMs): Write[] {
  const mid = record.summary.messageId === "" ? [] : [put("mid", midKey(record.summary.messageId, record.id))];
  if (isEnded(record)) return [...mid, ...toHistory(record, now), put("trash", record.id)];
  return [...mid, put("message", record.id, encode(record)), ...indexed(undefined, record)];
}

/** A record that takes the place of another. When it has ended, its body is the caller's to remove. */
export function writesForChange(before: MessageRecord, after: MessageRecord, now: EpochMs): Write[] {
  if (!isEnded(after)) return [put("message", after.id, encode(after)), ...indexed(before, after)];
  return [remove("message", after.id), ...indexed(before, undefined), ...toHistory(after, now)];
}

function toHistory(record: MessageRecord, now: EpochMs): Write[] {
  const history: HistoryRecord = { ...record, endedAt: now };
  return [put("history", record.id, encode(history)), put("ended", timeKey(now, record.id))];
}

/** What has to change in the indexes between two states of one message. */
function indexed(before: MessageRecord | undefined, after: MessageRecord | undefined): Write[] {
  const writes: Write[] = [];
  const dueBefore = before === undefined ? undefined : nextDue(before);
  const dueAfter = after === undefined ? undefined : nextDue(after);
  if (dueBefore !== dueAfter) {
    if (before !== undefined && dueBefore !== undefined)
      writes.push(remove(dueTable(before.direction), timeKey(dueBefore, before.id)));
    if (after !== undefined && dueAfter !== undefined)
      writes.push(put(dueTable(after.direction), timeKey(dueAfter, after.id)));
  }
  const heldBefore = before !== undefined && isHeld(before);
  const heldAfter = after !== undefined && isHeld(after);
  if (heldBefore && !heldAfter) writes.push(remove("held", before.id));
  if (heldAfter && !heldBefore) writes.push(put("held", after.id));
  const owedBefore = before !== undefined && isOwed(before);
  const owedAfter = after !== undefined && isOwed(after);
  if (owedBefore && !owedAfter) writes.push(remove("owed", before.id));
  if (owedAfter && !owedBefore) writes.push(put("owed", after.id));
  return writes;
}

/** Who has been given this content: written with the message when copies are to be recognised. */
export function writesForSeen(record: MessageRecord): Write[] {
  return record.recipients.map(({ address }) =>
    put("seen", seenKey(record.contentDigest, addressKey(address)), Buffer.from(record.id, "latin1")),
  );
}

/** Everything that goes with a history record. `ownsSeen`: whether a recipient's mark is this message's own. */
export function writesForForgotten(record: HistoryRecord, ownsSeen: (recipient: Address) => boolean): Write[] {
  const mid = record.summary.messageId === "" ? [] : [remove("mid", midKey(record.summary.messageId, record.id))];
  const seen = record.recipients
    .filter(({ address }) => ownsSeen(address))
    .map(({ address }) => remove("seen", seenKey(record.contentDigest, addressKey(address))));
  return [remove("history", record.id), remove("ended", timeKey(record.endedAt, record.id)), ...mid, ...seen];
}
