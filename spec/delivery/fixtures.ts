/** A spool in memory, a clock that stands still, a scripted transport, and a worker between them. */
import { mustAddress, nullReversePath, type Address } from "../../src/core/address.ts";
import type { Clock } from "../../src/core/ports.ts";
import type { PopgateEvent } from "../../src/core/events.ts";
import type { MessageId } from "../../src/core/ids.ts";
import type { Outcome } from "../../src/core/outcome.ts";
import { Destination } from "../../src/delivery/destination.ts";
import { createInboundSource } from "../../src/delivery/inbound-source.ts";
import { settle, type SettleRules } from "../../src/delivery/settle.ts";
import { createDeliveryWorker, type DeliveryWorker, type WorkerOptions } from "../../src/delivery/worker.ts";
import { defaultRetryMs } from "../../src/delivery/retry.ts";
import type { Transaction, TransactionResult, Transport } from "../../src/delivery/transport.ts";
import type { Spool } from "../../src/spool/port.ts";
import { queuedRecipient, type MessageDraft, type MessageRecord } from "../../src/spool/record.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { MemoryStore, openMemorySpool } from "../fakes/memory-spool.ts";

export const day = 86_400_000;

export const delivered: Outcome = { kind: "delivered", reply: { code: 250, enhanced: "2.6.0", text: "queued" } };

export function replied(
  kind: "deferred" | "refused",
  code: number,
  enhanced: string,
  phase: "rcpt" | "dot" | "mail" = "rcpt",
): Outcome {
  return { kind, cause: { kind: "reply", phase, reply: { code, enhanced, text: "no" } } };
}

export const unreachable: TransactionResult["destination"] = {
  kind: "unavailable",
  cause: { kind: "connection", phase: "connect", code: "ECONNREFUSED", message: "connection refused" },
};

/** What the scripted target does with a recipient of a transaction; the number counts transactions from 1. */
export type Script = (
  transaction: Transaction,
  number: number,
) => Partial<TransactionResult> | Promise<Partial<TransactionResult>>;

export class ScriptedTransport implements Transport {
  readonly name: string;
  readonly transactions: {
    readonly message: MessageId;
    readonly recipients: readonly Address[];
    readonly octets: Buffer;
  }[] = [];
  script: Script;

  constructor(script: Script = () => ({}), name = "exchange") {
    this.script = script;
    this.name = name;
  }

  async deliver(transaction: Transaction): Promise<TransactionResult> {
    const number = this.transactions.length + 1;
    const entry = { message: transaction.message, recipients: transaction.recipients, octets: Buffer.alloc(0) };
    this.transactions.push(entry);
    let bodyError: Error | undefined;
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of transaction.body()) chunks.push(chunk);
    } catch (error) {
      bodyError = error instanceof Error ? error : new Error(String(error));
    }
    this.transactions[number - 1] = { ...entry, octets: Buffer.concat(chunks) };
    const scripted = await this.script(transaction, number);
    const failed: Outcome = { kind: "deferred", cause: { kind: "internal", message: "the body could not be read" } };
    const outcomes = transaction.recipients.map((recipient) => ({
      recipient,
      outcome: bodyError === undefined ? delivered : failed,
    }));
    return { outcomes, tooMany: [], destination: { kind: "answered" }, bodyError, ms: 1, ...scripted };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Nothing is open.
  }
}

const defaultRules: SettleRules = { retryMs: defaultRetryMs, giveUpMs: 5 * day, onReject: { kind: "hold" } };

/** The same outcome for everybody. */
export function all({ recipients }: Transaction, outcome: Outcome): Partial<TransactionResult> {
  return { outcomes: recipients.map((recipient) => ({ recipient, outcome })) };
}

export interface World {
  readonly clock: ManualClock;
  readonly spool: Spool;
  readonly store: MemoryStore;
  readonly transport: ScriptedTransport;
  readonly events: PopgateEvent[];
  readonly worker: DeliveryWorker;
  /** Puts a message in. */
  add(recipients: readonly string[], body?: string | Buffer): Promise<MessageId>;
  record(id: MessageId): Promise<MessageRecord>;
  /** The states of a message's recipients by local part, also when it has ended. */
  states(id: MessageId): Promise<Record<string, string>>;
  drain(): Promise<void>;
}

export interface WorldOptions extends Partial<WorkerOptions> {
  readonly largeOctets?: number;
  readonly rules?: SettleRules;
}

export async function makeWorld(
  { largeOctets = 5_000_000, rules = defaultRules, ...options }: WorldOptions = {},
  script?: Script,
): Promise<World> {
  const clock = new ManualClock();
  const events: PopgateEvent[] = [];
  const ports = {
    clock,
    random: { next: () => 0.5 },
    events: { emit: (event: PopgateEvent) => void events.push(event) },
  };
  const store = new MemoryStore();
  // The spool looks after itself every few seconds; days of that are not what is tested here.
  const slow: Clock = {
    now: () => clock.now(),
    sleep: async (ms, signal) => clock.sleep(Math.max(ms, 60_000), signal),
  };
  // A random of its own: ids of one instant must differ.
  const spool = await openMemorySpool({ ...ports, clock: slow, random: { next: () => Math.random() } }, store);
  const transport = new ScriptedTransport(script);
  const worker = createDeliveryWorker(
    {
      concurrency: 4,
      maxRecipients: 200,
      settle: (record, outcomes, context) => settle(record, outcomes, rules, context),
      ...options,
    },
    {
      queue: spool,
      source: createInboundSource({ largeOctets }, { queue: spool, clock }),
      destination: new Destination(transport.name, ports),
      health: () => spool.health(),
      transport,
      ...ports,
    },
  );
  const find = async (id: MessageId): Promise<MessageRecord> => {
    const record = (await spool.load(id)) ?? (await spool.history(id));
    if (record === undefined) throw new Error(`no message ${id}`);
    return record;
  };
  return {
    clock,
    spool,
    store,
    transport,
    events,
    worker,
    async add(recipients, body = "Message-ID: <a@b>\r\nDate: today\r\n\r\nbody\r\n") {
      await using ingest = spool.begin();
      await ingest.write(Buffer.from(body));
      await ingest.commit(
        draft(
          recipients.map((text) => mustAddress(text)),
          clock.now(),
        ),
        undefined,
      );
      return ingest.id;
    },
    record: find,
    async states(id) {
      const { recipients } = await find(id);
      return Object.fromEntries(recipients.map(({ address, state }) => [address.split("@")[0] ?? "", state.kind]));
    },
    drain: async () => worker.drain(new AbortController().signal),
  };
}

function draft(recipients: readonly Address[], now: number): MessageDraft {
  return {
    direction: "inbound",
    origin: { kind: "local", purpose: "notice" },
    reversePath: nullReversePath,
    recipients: recipients.map((address) => queuedRecipient(address, now)),
    hold: undefined,
    edits: { prepend: "Received: by popgate\r\n", cuts: [] },
    removed: [],
    evidence: undefined,
    summary: { messageId: "", from: "", subject: "", date: "" },
    traits: { eightBit: false, eightBitHeader: false, longLines: false },
    contentDigest: "",
  };
}
