/** What the specs of the spool share: drafts, ports, bodies, and directories that go when the spec ends. */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { mustAddress } from "../../src/core/address.ts";
import type { EventKind, EventOf, EventSink, PopgateEvent } from "../../src/core/events.ts";
import type { HoldReason } from "../../src/core/hold.ts";
import { parseAccountName, type AccountName, type MessageId } from "../../src/core/ids.ts";
import type { EpochMs, Random } from "../../src/core/ports.ts";
import type { CommitResult, Intake, LedgerDraft, LedgerEntry, Queue } from "../../src/spool/port.ts";
import { queuedRecipient, type MessageDraft, type MessageRecord } from "../../src/spool/record.ts";

export interface DraftWishes {
  readonly to?: readonly string[];
  readonly at?: EpochMs;
  readonly messageId?: string;
  readonly content?: string;
  readonly held?: HoldReason;
}

export function draft({
  to = ["chef@firma.example"],
  at = 0,
  messageId = "",
  content = "",
  held,
}: DraftWishes = {}): MessageDraft {
  return {
    direction: "inbound",
    origin: { kind: "local", purpose: "notice" },
    reversePath: { kind: "address", address: mustAddress("sender@elsewhere.example") },
    recipients: held === undefined ? to.map((address) => queuedRecipient(mustAddress(address), at)) : [],
    hold: held === undefined ? undefined : { reason: held, detail: "as the spec wants it", since: at },
    edits: { prepend: "", cuts: [] },
    removed: [],
    evidence: undefined,
    summary: { messageId, from: "sender@elsewhere.example", subject: "A subject", date: "" },
    traits: { eightBit: false, eightBitHeader: false, longLines: false },
    contentDigest: createHash("sha256").update(content).digest("hex"),
  };
}

export function account(name = "box"): AccountName {
  const parsed = parseAccountName(name);
  if (parsed === undefined) throw new TypeError(name);
  return parsed;
}

export function ledgerEntry(uidl: string, changes: Partial<LedgerEntry> = {}): LedgerEntry {
  return {
    uidl,
    listSize: 10,
    digest: "",
    contentDigest: "",
    recipientsKey: "",
    messageId: undefined,
    fetchedAt: 0,
    state: "present",
    since: 0,
    skipped: undefined,
    failures: 0,
    ...changes,
  };
}

export function ledgerDraft(uidl: string): LedgerDraft {
  return { account: account(), entry: ledgerEntry(uidl) };
}

/** Octets that depend on where they stand, so that chunks in the wrong order or place show. */
export function octets(size: number, seed = 1): Buffer {
  const result = Buffer.alloc(size);
  for (let i = 0, x = seed; i < size; i++) {
    x = (Math.imul(x, 1_103_515_245) + 12_345) & 0x7fffffff;
    result[i] = x >>> 16;
  }
  return result;
}

export function digestOf(body: Buffer): string {
  return createHash("sha256").update(body).digest("hex");
}

export async function store(
  spool: Intake,
  body: Buffer,
  what: MessageDraft = draft(),
  ledger?: LedgerDraft,
  onceFor?: "content-and-recipient",
): Promise<CommitResult> {
  await using ingest = spool.begin();
  for (let at = 0; at < body.length; at += 10_000) await ingest.write(Buffer.from(body.subarray(at, at + 10_000)));
  return await ingest.commit(what, ledger, onceFor === undefined ? {} : { onceFor });
}

/** Ids of what is due of one direction. */
export async function dueIds(
  spool: Queue,
  now: number,
  limit: number,
  direction: "inbound" | "outbound" = "inbound",
): Promise<readonly string[]> {
  return (await spool.due(direction, now, limit)).map(({ id }) => id);
}

export async function stored(spool: Intake, body: Buffer, what: MessageDraft = draft()): Promise<MessageRecord> {
  const result = await store(spool, body, what);
  if (result.kind !== "stored") throw new Error("a duplicate");
  return result.record;
}

export async function read(spool: Queue, id: MessageId, start?: number): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(spool.body(id, start)));
}

/** Every recipient delivered: the message has ended. */
export function delivered(record: MessageRecord): MessageRecord {
  const reply = { code: 250, enhanced: "2.0.0", text: "taken" };
  const recipients = record.recipients.map((one) => ({ ...one, state: { kind: "delivered" as const, at: 1, reply } }));
  return { ...record, hold: undefined, recipients };
}

export class EventList implements EventSink {
  readonly all: PopgateEvent[] = [];
  emit(event: PopgateEvent): void {
    this.all.push(event);
  }
  of<K extends EventKind>(kind: K): EventOf<K>[] {
    return this.all.filter((event): event is EventOf<K> => event.kind === kind);
  }
  get kinds(): readonly EventKind[] {
    return this.all.map(({ kind }) => kind);
  }
}

/** Numbers in a fixed order, so that a failing spec fails again. */
export function seededRandom(seed = 1): Random {
  let x = seed;
  return {
    next() {
      x = (Math.imul(x, 1_664_525) + 1_013_904_223) >>> 0;
      return x / 2 ** 32;
    },
  };
}

export class TemporaryDirectory implements Disposable {
  readonly path = mkdtempSync(path.join(tmpdir(), "popgate-spool-"));
  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
