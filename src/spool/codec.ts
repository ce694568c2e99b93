/**
 * Records as they are stored: JSON, since a spool that has to be rescued by hand should be readable by hand. What is read
 * is checked in its outline; an entry that fails is set aside by the caller with its octets, never deleted.
 */
import { z } from "zod";
import { messageOf } from "../core/thrown.ts";
import type { HistoryRecord, MessageRecord } from "./record.ts";
import type { LedgerEntry } from "./port.ts";

const state = z.discriminatedUnion("kind", [
  z.looseObject({ kind: z.literal("queued"), nextAttemptAt: z.number(), attempts: z.number() }),
  z.looseObject({
    kind: z.literal("held"),
    hold: z.looseObject({ reason: z.string(), detail: z.string(), since: z.number() }),
  }),
  z.looseObject({ kind: z.literal("delivered"), at: z.number() }),
  z.looseObject({ kind: z.literal("bounced"), at: z.number() }),
  z.looseObject({ kind: z.literal("expired"), at: z.number() }),
  z.looseObject({ kind: z.literal("dropped"), at: z.number(), by: z.string() }),
]);

const message = z.looseObject({
  version: z.literal(1),
  id: z.string(),
  direction: z.enum(["inbound", "outbound"]),
  origin: z.looseObject({ kind: z.string() }),
  receivedAt: z.number(),
  reversePath: z.looseObject({ kind: z.enum(["null", "address"]) }),
  recipients: z.array(z.looseObject({ address: z.string(), state })),
  size: z.number(),
  digest: z.string(),
  contentDigest: z.string(),
  edits: z.looseObject({ prepend: z.string(), cuts: z.array(z.looseObject({ start: z.number(), end: z.number() })) }),
  summary: z.looseObject({ messageId: z.string(), from: z.string(), subject: z.string(), date: z.string() }),
  traits: z.looseObject({ eightBit: z.boolean(), eightBitHeader: z.boolean(), longLines: z.boolean() }),
  attempts: z.array(z.unknown()),
});

const history = message.extend({ endedAt: z.number() });

const ledger = z.looseObject({
  uidl: z.string(),
  listSize: z.number(),
  digest: z.string(),
  contentDigest: z.string(),
  recipientsKey: z.string(),
  fetchedAt: z.number(),
  state: z.enum(["present", "deleting", "gone"]),
  since: z.number(),
  failures: z.number(),
});

export type Decoded<T> = { readonly kind: "ok"; readonly value: T } | { readonly kind: "bad"; readonly why: string };

export function encode(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value), "utf8");
}

export function decodeMessage(octets: Buffer): Decoded<MessageRecord> {
  return decode<MessageRecord>(octets, message);
}

export function decodeHistory(octets: Buffer): Decoded<HistoryRecord> {
  return decode<HistoryRecord>(octets, history);
}

export function decodeLedger(octets: Buffer): Decoded<LedgerEntry> {
  return decode<LedgerEntry>(octets, ledger);
}

export function decodeJson(octets: Buffer): Decoded<unknown> {
  return decode<unknown>(octets, z.unknown());
}

function decode<T>(octets: Buffer, schema: z.ZodType): Decoded<T> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(octets.toString("utf8"));
  } catch (error) {
    return { kind: "bad", why: messageOf(error) };
  }
  const result = schema.safeParse(parsed);
  if (!result.success) return { kind: "bad", why: z.prettifyError(result.error).replaceAll("\n", " ") };
  // JSON leaves out what is undefined: the types say `x: T | undefined`, and reading a missing key gives just that.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the border: checked in outline, written by ourselves
  return { kind: "ok", value: parsed as T };
}
