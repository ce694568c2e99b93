/**
 * Finds messages: by a filter, page by page through the queue; by queue id, Message-ID or address, in queue and history.
 *
 * A page is looked for in slices, between which others have their turn, and ends with the signal: a filter that matches
 * nothing reads the whole queue, and nobody else must wait for that. Memory is bounded by the page.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { addressKey, parseAddress, type AddressKey } from "../core/address.ts";
import { parseMessageId, type MessageId } from "../core/ids.ts";
import type { EpochMs } from "../core/ports.ts";
import type { Inspection, Queue } from "../spool/port.ts";
import { holdsOf, type MessageRecord } from "../spool/record.ts";
import type { MessageFilter, MessagePage } from "./schemas.ts";
import { originOf, summaryOf, type AnyRecord } from "./view.ts";

type Reading = Pick<Queue, "load"> & Pick<Inspection, "list" | "held" | "history" | "byMessageIdField" | "ended">;

const slice = 200;
const mostExplained = 20;
/** The history is read in pieces of this length, from now back. */
const windowMs = 6 * 3_600_000;

/** One page of what matches. */
export async function searchMessages(
  spool: Reading,
  filter: MessageFilter,
  now: EpochMs,
  signal: AbortSignal,
): Promise<MessagePage> {
  const messages: MessagePage["messages"] = [];
  let after = filter.after === undefined ? undefined : parseMessageId(filter.after);
  for (;;) {
    signal.throwIfAborted();
    // Held mail has an index of its own.
    const page = await (filter.state === "held" ? spool.held(after, slice) : spool.list(after, slice));
    for (const record of page) {
      after = record.id;
      if (!matches(record, filter, now)) continue;
      messages.push(summaryOf(record));
      if (messages.length === filter.limit) return { messages, next: record.id };
    }
    if (page.length < slice) return { messages };
    await nextTurn();
  }
}

/** A queue id, the value of a Message-ID field, or an address. Newest first. */
export async function findMessages(
  spool: Reading,
  query: string,
  now: EpochMs,
  historyMs: number,
  signal: AbortSignal,
): Promise<AnyRecord[]> {
  const text = query.trim();
  const id = parseMessageId(text);
  if (id !== undefined) {
    const record = await eitherOf(spool, id);
    if (record !== undefined) return [record];
  }
  const named = await allOf(spool, (await spool.byMessageIdField(text)).slice(0, mostExplained));
  if (named.length > 0) return named;
  const address = parseAddress(text.replace(/^<|>$/gu, ""));
  return address.kind === "bad" ? [] : messagesWith(spool, addressKey(address.address), now, historyMs, signal);
}

/** In the queue, or in the history. */
export async function eitherOf(spool: Reading, id: MessageId): Promise<AnyRecord | undefined> {
  return (await spool.load(id)) ?? (await spool.history(id));
}

async function allOf(spool: Reading, ids: readonly MessageId[]): Promise<AnyRecord[]> {
  const found: AnyRecord[] = [];
  for (const id of ids) {
    const record = await eitherOf(spool, id);
    if (record !== undefined) found.push(record);
  }
  return found;
}

/** The latest of what waits and the latest of what has ended: neither must hide the other. */
async function messagesWith(
  spool: Reading,
  key: AddressKey,
  now: EpochMs,
  historyMs: number,
  signal: AbortSignal,
): Promise<AnyRecord[]> {
  const queued: AnyRecord[] = [];
  for (let after: MessageId | undefined; ;) {
    signal.throwIfAborted();
    const page = await spool.list(after, slice);
    queued.push(...page.filter((record) => concerns(record, key)));
    if (queued.length > mostExplained) queued.splice(0, queued.length - mostExplained);
    after = page.at(-1)?.id;
    if (page.length < slice) break;
    await nextTurn();
  }
  const ended = await endedWith(spool, key, now, historyMs, signal);
  return [...queued, ...ended].toSorted((a, b) => b.receivedAt - a.receivedAt || (a.id < b.id ? 1 : -1));
}

async function endedWith(
  spool: Reading,
  key: AddressKey,
  now: EpochMs,
  historyMs: number,
  signal: AbortSignal,
): Promise<AnyRecord[]> {
  const found: AnyRecord[] = [];
  for (let to = now + 1; to > now - historyMs; to -= windowMs) {
    for (const [index, id] of (await spool.ended(to - windowMs, to)).entries()) {
      const record = await spool.history(id);
      if (record !== undefined && concerns(record, key)) found.push(record);
      if (found.length === mostExplained) return found;
      if (index % slice === slice - 1) await nextTurn();
      signal.throwIfAborted();
    }
    await nextTurn();
    signal.throwIfAborted();
  }
  return found;
}

/** From or to this address, also by the name that the sender wrote to or gave. */
function concerns({ reversePath, recipients, evidence, summary }: AnyRecord, key: AddressKey): boolean {
  if (reversePath.kind === "address" && addressKey(reversePath.address) === key) return true;
  if (recipients.some(({ address }) => addressKey(address) === key)) return true;
  if (evidence?.mapped.some(({ from }) => from.toLowerCase() === key) === true) return true;
  return holdsWhole(summary.from.toLowerCase(), key);
}

/** Whether an address stands in a text, and not as a part of a longer one. */
function holdsWhole(text: string, address: string): boolean {
  const partOfAddress = /[\p{L}\p{N}.!#$%&*+/=?^_`{|}~-]/u;
  for (let at = text.indexOf(address); at >= 0; at = text.indexOf(address, at + 1)) {
    const before = text.charAt(at - 1);
    const after = text.charAt(at + address.length);
    if (!partOfAddress.test(before) && !partOfAddress.test(after)) return true;
  }
  return false;
}

function matches(record: MessageRecord, filter: MessageFilter, now: EpochMs): boolean {
  const { state, direction, account, recipient, sender, subject, reason, olderThanMs, youngerThanMs } = filter;
  const age = now - record.receivedAt;
  const holds = holdsOf(record);
  return (
    (state === undefined || state === (holds.length === 0 ? "queued" : "held")) &&
    (direction === undefined || record.direction === direction) &&
    (account === undefined || originOf(record) === account) &&
    (reason === undefined || holds.some(({ hold }) => hold.reason === reason)) &&
    (olderThanMs === undefined || age >= olderThanMs) &&
    (youngerThanMs === undefined || age < youngerThanMs) &&
    (recipient === undefined || record.recipients.some(({ address }) => contains(address, recipient))) &&
    (subject === undefined || contains(record.summary.subject, subject)) &&
    (sender === undefined ||
      contains(record.summary.from, sender) ||
      (record.reversePath.kind === "address" && contains(record.reversePath.address, sender)))
  );
}

function contains(text: string, part: string): boolean {
  return text.toLowerCase().includes(part.toLowerCase());
}
