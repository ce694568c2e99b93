/** Outbound delivery as a whole between a spool and scripted relays, under a clock that stands still. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { mustAddress, nullReversePath, type Address } from "../../src/core/address.ts";
import type { EventKind, EventOf, PopgateEvent } from "../../src/core/events.ts";
import type { MessageId } from "../../src/core/ids.ts";
import type { Clock } from "../../src/core/ports.ts";
import { Destination } from "../../src/delivery/destination.ts";
import { createOutboundDelivery, type OutboundDelivery, type RelayUse } from "../../src/delivery/outbound-delivery.ts";
import { defaultRetryMs } from "../../src/delivery/retry.ts";
import type { AddressPattern } from "../../src/delivery/route.ts";
import type { AccountTrouble, Transaction, TransactionResult } from "../../src/delivery/transport.ts";
import type { Spool } from "../../src/spool/port.ts";
import { queuedRecipient, type MessageDraft, type MessageRecord } from "../../src/spool/record.ts";
import { defaultSpoolOptions, openSpool } from "../../src/spool/spool.ts";
import type { Store } from "../../src/spool/store.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { MemoryStore, openMemorySpool } from "../fakes/memory-spool.ts";
import { all, replied, ScriptedTransport, unreachable, type Script } from "./fixtures.ts";

export const minute = 60_000;

type RelayWishes = Partial<Omit<RelayUse, "transport" | "senders">> & {
  /** Unless given, one that is made of `script`. */
  readonly transport?: ScriptedTransport;
  readonly name: string;
  /** As in the configuration: `*`, `*@domain`, an address. */
  readonly senders?: readonly string[];
  readonly script?: Script;
};

export interface WorldWishes {
  readonly relays: readonly RelayWishes[];
  readonly exchange?: Script;
  readonly atProvider?: readonly string[];
  readonly ownDomains?: "exchange" | "relay";
  readonly largeOctets?: number;
  readonly laneCapacity?: number;
  /** On LMDB, for many messages. */
  readonly isOnDisk?: boolean;
  /** A store that outlives the world. */
  readonly store?: MemoryStore;
  readonly clock?: ManualClock;
  /** Puts something between the spool and its store in memory. */
  readonly between?: (store: MemoryStore) => Store;
}

export interface OutboundWorld extends AsyncDisposable {
  readonly clock: ManualClock;
  readonly spool: Spool;
  readonly store: MemoryStore;
  readonly events: PopgateEvent[];
  readonly outbound: OutboundDelivery;
  readonly exchange: Destination;
  relay(name: string): ScriptedTransport;
  add(mail: Mail): Promise<MessageId>;
  record(id: MessageId): Promise<MessageRecord>;
  states(id: MessageId): Promise<Record<string, string>>;
  drain(): Promise<void>;
  told<K extends EventKind>(kind: K): EventOf<K>[];
}

interface Mail {
  readonly from?: string | undefined;
  readonly to: readonly string[];
  readonly size?: number;
  readonly submission?: Partial<NonNullable<MessageDraft["submission"]>>;
  readonly dsn?: NonNullable<MessageRecord["recipients"][number]["dsn"]>;
}

export async function outboundWorld(wishes: WorldWishes): Promise<OutboundWorld> {
  const clock = wishes.clock ?? new ManualClock();
  const events: PopgateEvent[] = [];
  const ports = {
    clock,
    random: { next: () => 0.5 },
    events: { emit: (event: PopgateEvent) => void events.push(event) },
  };
  // The spool looks after itself every few seconds; days of that are not what is tested here.
  const slow: Clock = {
    now: () => clock.now(),
    sleep: async (ms, signal) => clock.sleep(Math.max(ms, minute), signal),
  };
  const spoolPorts = { ...ports, clock: slow, random: { next: () => Math.random() } };
  const store = wishes.store ?? new MemoryStore();
  const dir = wishes.isOnDisk === true ? await mkdtemp(path.join(tmpdir(), "popgate-ways-")) : undefined;
  const spool =
    dir === undefined
      ? await openMemorySpool(spoolPorts, wishes.between?.(store) ?? store)
      : await openSpool({ ...defaultSpoolOptions, dir, maxOctets: 1e12, minFreeOctets: 0, historyDays: 1 }, spoolPorts);
  const exchangeTransport = new ScriptedTransport(wishes.exchange, "exchange");
  const exchange = new Destination("exchange", ports);
  const transports = new Map([
    ["exchange", exchangeTransport],
    ...wishes.relays.map(({ name, script, transport }): [string, ScriptedTransport] => [
      name,
      transport ?? new ScriptedTransport(script, `relay ${name}`),
    ]),
  ]);
  const relay = (name: string): ScriptedTransport => {
    const transport = transports.get(name);
    if (transport === undefined) throw new Error(`no relay ${name}`);
    return transport;
  };
  const outbound = createOutboundDelivery(
    {
      domains: ["firma.example"],
      ownDomains: wishes.ownDomains ?? "exchange",
      atProvider: (wishes.atProvider ?? []).map(pattern),
      largeOctets: wishes.largeOctets ?? 5_000_000,
      laneCapacity: wishes.laneCapacity ?? 200,
      exchange: { destination: exchange, transport: exchangeTransport, ...use },
      relays: wishes.relays.map(({ senders = ["*"], ...rest }) => ({
        isProved: true,
        rates: [],
        envelopeFrom: undefined,
        rewrite: new Set(),
        ...use,
        ...rest,
        senders: senders.map(pattern),
        transport: relay(rest.name),
      })),
    },
    { spool, ...ports },
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
    events,
    outbound,
    exchange,
    relay,
    async add(mail) {
      // Each is younger than the one before.
      clock.set(clock.now() + 1);
      await using ingest = spool.begin();
      await ingest.write(Buffer.alloc(mail.size ?? 40, "x"));
      await ingest.commit(draft(mail, clock.now()), undefined);
      return ingest.id;
    },
    record: find,
    async states(id) {
      const { recipients } = await find(id);
      return Object.fromEntries(recipients.map(({ address, state }) => [address, state.kind]));
    },
    drain: async () => outbound.drain(new AbortController().signal),
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the kind says which event it is
    told: (kind) => events.filter((event) => event.kind === kind) as EventOf<typeof kind>[],
    async [Symbol.asyncDispose]() {
      outbound[Symbol.dispose]();
      await spool[Symbol.asyncDispose]();
      if (dir !== undefined) await rm(dir, { recursive: true, force: true });
    },
  };
}

const use = { concurrency: 2, maxRecipients: 100, retryMs: defaultRetryMs };

export function pattern(text: string): AddressPattern {
  if (text === "*") return { kind: "all" };
  return text.startsWith("*@")
    ? { kind: "domain", domain: text.slice(2) }
    : { kind: "address", address: mustAddress(text) };
}

function draft({ from, to, submission, dsn }: Mail, now: number): MessageDraft {
  const sender: Address | undefined = from === undefined ? undefined : mustAddress(from);
  return {
    direction: "outbound",
    origin: { kind: "smtp", client: "192.0.2.1", user: undefined, protocol: "ESMTP" },
    reversePath: sender === undefined ? nullReversePath : { kind: "address", address: sender },
    recipients: to.map((text) => ({ ...queuedRecipient(mustAddress(text), now), dsn })),
    hold: undefined,
    edits: { prepend: "", cuts: [] },
    removed: [],
    evidence: undefined,
    summary: { messageId: "", from: "", subject: "", date: "" },
    traits: { eightBit: false, eightBitHeader: false, longLines: false },
    contentDigest: "",
    submission: { sender, ret: undefined, envid: undefined, requireTls: false, ...submission },
  };
}

/** The relay cannot be reached. */
export function down(transaction: Transaction): Partial<TransactionResult> {
  const cause = unreachable.kind === "unavailable" ? unreachable.cause : { kind: "internal" as const, message: "" };
  return { ...all(transaction, { kind: "deferred", cause }), destination: unreachable };
}

/** The relay answers, and something is wrong with the account. */
export function trouble(transaction: Transaction, kind: AccountTrouble): Partial<TransactionResult> {
  const outcome = replied("deferred", kind === "auth" ? 535 : 550, "5.7.1", "mail");
  if (outcome.kind === "delivered") throw new TypeError("deferred is not delivered");
  return { ...all(transaction, outcome), account: { trouble: kind, cause: outcome.cause } };
}

/** Runs delivery beside a spec, and ends it. */
export async function whileRunning(world: OutboundWorld, act: () => Promise<void>): Promise<void> {
  const stop = new AbortController();
  const running = world.outbound.run(stop.signal);
  try {
    await act();
  } finally {
    stop.abort();
    await running;
  }
}
