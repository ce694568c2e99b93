/** The queue: what is due, what a message is, its octets, and its changes. */
import { createHash } from "node:crypto";
import type { MessageId } from "../core/ids.ts";
import type { EpochMs } from "../core/ports.ts";
import { decodeHistory, decodeMessage } from "./codec.ts";
import { after, below, chunkKey, midPrefix, splitTimeKey, timeKey, timePrefix } from "./keys.ts";
import { SpoolError, type DueEntry } from "./port.ts";
import { holdsMore, isEnded, type Direction, type HistoryRecord, type MessageRecord } from "./record.ts";
import { changed, commit, commitChange, orSetAside, type SpoolCore } from "./spool-core.ts";
import type { Write } from "./store.ts";
import { dueTable, writesForChange } from "./writes.ts";

export function dueMessages(
  core: SpoolCore,
  direction: Direction,
  now: EpochMs,
  limit: number,
  behind: DueEntry | undefined,
): DueEntry[] {
  const from = behind === undefined ? "" : after(timeKey(behind.at, behind.id));
  return core.store.keys(dueTable(direction), from, `${timePrefix(now)}0`, limit).map((key) => {
    const { id, time } = splitTimeKey(key);
    return { id: asId(id), at: time };
  });
}

export function nextDueTime(core: SpoolCore, direction: Direction): EpochMs | undefined {
  const [first] = core.store.keys(dueTable(direction), "", undefined, 1);
  return first === undefined ? undefined : splitTimeKey(first).time;
}

export function loadMessage(core: SpoolCore, id: MessageId): MessageRecord | undefined {
  const octets = core.store.get("message", id);
  if (octets === undefined) {
    core.decoded.delete(id);
    return undefined;
  }
  const known = core.decoded.get(id);
  if (known?.octets.equals(octets) === true) return known.record;
  const record = orSetAside(core, { table: "message", key: id, octets }, decodeMessage(octets));
  core.decoded.delete(id);
  if (record !== undefined) rememberDecoded(core, record, octets);
  return record;
}

/** It has just been stored. While the queue is long others come first, and these are read when their turn comes. */
export function rememberStored(core: SpoolCore, record: MessageRecord, writes: readonly Write[]): void {
  if (core.decoded.size >= mostRemembered) return;
  const octets = writes.find(({ table, key }) => table === "message" && key === record.id)?.value;
  if (octets !== undefined) rememberDecoded(core, record, octets);
}

function rememberDecoded(core: SpoolCore, record: MessageRecord, octets: Buffer): void {
  if (octets.length > mostRememberedOctets) return;
  core.decoded.set(record.id, { octets, record });
  for (const oldest of core.decoded.keys()) {
    if (core.decoded.size <= mostRemembered) break;
    core.decoded.delete(oldest);
  }
}

/** A few more than are under way at a time. */
const mostRemembered = 64;
/** Records with hundreds of recipients are read again. */
const mostRememberedOctets = 16_384;

export function loadHistory(core: SpoolCore, id: MessageId): HistoryRecord | undefined {
  const octets = core.store.get("history", id);
  return octets === undefined
    ? undefined
    : orSetAside(core, { table: "history", key: id, octets }, decodeHistory(octets));
}

/** Reads chunk by chunk; the last one is given only when the digest over all of them agrees. */
export async function* readBody(core: SpoolCore, id: MessageId, start: number): AsyncGenerator<Buffer> {
  const record = loadMessage(core, id);
  if (record === undefined) throw gone(id);
  const hash = createHash("sha256");
  let read = 0;
  for (let number = 0; read < record.size; number++) {
    const chunk = core.store.get("chunk", chunkKey(id, number));
    if (chunk === undefined) {
      if (core.store.get("message", id) === undefined) throw gone(id);
      throw damaged(id, `chunk ${number} of its body is missing`);
    }
    hash.update(chunk);
    const begin = read;
    read += chunk.length;
    if (read > record.size) throw damaged(id, "its body is longer than it was when it was stored");
    if (read === record.size && hash.digest("hex") !== record.digest) throw damaged(id, "its digest does not agree");
    if (read > start) yield start > begin ? chunk.subarray(start - begin) : chunk;
  }
}

export async function updateMessage(
  core: SpoolCore,
  id: MessageId,
  change: (record: MessageRecord) => MessageRecord,
): Promise<MessageRecord> {
  return core.turns.pass(id, async () => {
    const { next, writes } = changeOf(core, id, change);
    if (writes.length === 0) return next;
    // Tried even when the spool has failed: an outcome that is not written down is a mail delivered twice.
    await commitChange(core, writes);
    afterChange(core, id, writes);
    return next;
  });
}

/**
 * What `change` makes of a message, and the writes that make it durable; none when nothing changes. To be called, and
 * its writes to be committed, within the message's turn.
 */
export function changeOf(
  core: SpoolCore,
  id: MessageId,
  change: (record: MessageRecord) => MessageRecord,
): { readonly next: MessageRecord; readonly writes: readonly Write[] } {
  const before = loadMessage(core, id);
  if (before === undefined) throw gone(id);
  const wanted = change(before);
  if (wanted === before) return { next: before, writes: [] };
  // What was settled when it came in is not to be changed: it says what the stored octets are.
  const { version, direction, receivedAt, size, digest } = before;
  const noticedAt = holdsMore(before, wanted) ? undefined : wanted.noticedAt;
  const next = { ...wanted, version, id, direction, receivedAt, size, digest, noticedAt };
  const body = isEnded(next) ? endOfBody(core, id) : [];
  return { next, writes: [...writesForChange(before, next, core.ports.clock.now()), ...body] };
}

/** Once the writes of a change are durable. */
export function afterChange(core: SpoolCore, id: MessageId, writes: readonly Write[]): void {
  core.decoded.delete(id);
  changed(core, id);
  // What fails here is tried again by maintenance.
  if (writes.some(({ table, value }) => table === "trash" && value !== undefined))
    void emptyTrash(core, core.ending).catch(() => undefined);
}

/** Ids of messages whose sender is owed a report. */
export function owedMessages(core: SpoolCore, cursor: MessageId | undefined, limit: number): MessageId[] {
  return core.store.keys("owed", cursor === undefined ? "" : after(cursor), undefined, limit).map(asId);
}

/** A body of so many chunks goes with the message's end; a longer one leaves a mark, and is removed bit by bit. */
const chunksAtOnce = 8;
const chunksPerCommit = 64;
const bodiesPerRound = 32;

function endOfBody(core: SpoolCore, id: MessageId): Write[] {
  const [from, to] = below(id);
  const keys = core.store.keys("chunk", from, to, chunksAtOnce + 1);
  if (keys.length > chunksAtOnce) return [{ table: "trash", key: id, value: Buffer.alloc(0) }];
  return keys.map((key) => ({ table: "chunk", key, value: undefined }));
}

/**
 * Removes the bodies of ended messages, one round after the other, until none is left or the signal is aborted. One at a
 * time: a caller that comes while it runs waits for that run.
 */
export async function emptyTrash(core: SpoolCore, signal: AbortSignal): Promise<void> {
  core.janitor ??= emptyRounds(core, signal).finally(() => (core.janitor = undefined));
  await core.janitor;
}

async function emptyRounds(core: SpoolCore, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const ids = core.store.keys("trash", "", undefined, bodiesPerRound);
    if (ids.length === 0) return;
    // They share a flush.
    await Promise.all(ids.map(async (id) => removeChunks(core, id, "trash")));
  }
}

/** Removes all chunks of `id`, and then its mark in `table`. */
export async function removeChunks(core: SpoolCore, id: string, table: "trash" | "ingest"): Promise<void> {
  const [from, to] = below(id);
  for (;;) {
    const keys = core.store.keys("chunk", from, to, chunksPerCommit);
    const last = keys.length < chunksPerCommit;
    const writes = keys.map((key) => ({ table: "chunk" as const, key, value: undefined }));
    await commit(core, last ? [...writes, { table, key: id, value: undefined }] : writes);
    if (last) return;
  }
}

/** By the time of their end, the latest first. */
export function endedMessages(core: SpoolCore, from: EpochMs, to: EpochMs): MessageId[] {
  const found: MessageId[] = [];
  const end = timePrefix(to);
  for (let begin = timePrefix(from); ;) {
    const keys = core.store.keys("ended", begin, end, midPage);
    found.push(...keys.map((key) => asId(splitTimeKey(key).id)));
    const last = keys.at(-1);
    if (last === undefined || keys.length < midPage) return found.toReversed();
    begin = after(last);
  }
}

/** Pages through messages by id. */
export function listMessages(core: SpoolCore, cursor: MessageId | undefined, limit: number): MessageRecord[] {
  return readablePage(cursor, limit, (from, rest) =>
    core.store.range("message", from, undefined, rest).map(({ key, value }) => ({
      key,
      record: orSetAside(core, { table: "message", key, octets: value }, decodeMessage(value)),
    })),
  );
}

/** By the value of the Message-ID field, newest first. A sender may use one value for any number of messages. */
export function messagesOf(core: SpoolCore, messageId: string): MessageId[] {
  const found: MessageId[] = [];
  const [start, to] = below(midPrefix(messageId));
  for (let from = start; ;) {
    const keys = core.store.keys("mid", from, to, midPage);
    found.push(...keys.map((key) => asId(key.slice(key.indexOf("/") + 1))));
    const last = keys.at(-1);
    if (last === undefined || keys.length < midPage) return found.toReversed();
    from = after(last);
  }
}

const midPage = 1000;

export function heldMessages(core: SpoolCore, cursor: MessageId | undefined, limit: number): MessageRecord[] {
  return readablePage(cursor, limit, (from, rest) =>
    core.store.keys("held", from, undefined, rest).map((key) => ({ key, record: loadMessage(core, asId(key)) })),
  );
}

/** Reads on over entries that cannot be read: an empty page is the end of the list to whoever asks for it. */
function readablePage(
  cursor: MessageId | undefined,
  limit: number,
  read: (
    from: string,
    limit: number,
  ) => readonly { readonly key: string; readonly record: MessageRecord | undefined }[],
): MessageRecord[] {
  const records: MessageRecord[] = [];
  for (let from = cursor === undefined ? "" : after(cursor); ;) {
    const rest = limit - records.length;
    const entries = read(from, rest);
    records.push(...entries.flatMap(({ record }) => record ?? []));
    const last = entries.at(-1);
    if (last === undefined || entries.length < rest || records.length >= limit) return records;
    from = after(last.key);
  }
}

export function asId(text: string): MessageId {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a key that we wrote
  return text as MessageId;
}

function gone(id: MessageId): SpoolError {
  return new SpoolError("SPOOL_NO_MESSAGE", `there is no message ${id} in the queue`);
}

function damaged(id: MessageId, why: string): SpoolError {
  return new SpoolError("SPOOL_DAMAGED", `message ${id} is damaged: ${why}`);
}
