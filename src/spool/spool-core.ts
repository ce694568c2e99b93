/** What the parts of the spool share: the store, its health, turns, and everybody who waits for a change. */
import type { EventSink } from "../core/events.ts";
import type { MessageId } from "../core/ids.ts";
import type { Clock, Random } from "../core/ports.ts";
import type { Decoded } from "./codec.ts";
import type { FreeOctets, Health } from "./health.ts";
import { after, splitTimeKey } from "./keys.ts";
import { SpoolError } from "./port.ts";
import type { MessageRecord } from "./record.ts";
import { StoreError, type Store, type Table, type Write } from "./store.ts";
import type { Turnstile } from "./turnstile.ts";

export interface SpoolOptions {
  readonly dir: string;
  readonly maxOctets: number;
  readonly minFreeOctets: number;
  readonly ballastOctets: number;
  readonly historyDays: number;
  /** How long a message that has left a box is remembered. */
  readonly ledgerGoneDays: number;
  /** Bodies are stored in pieces of this size; 64 to 256 kB. */
  readonly chunkOctets: number;
  /** Version of the program: the spool says who wrote it. */
  readonly program?: string | undefined;
}

export interface SpoolPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly events: EventSink;
  readonly freeOctets?: FreeOctets | undefined;
}

export interface SpoolCore {
  readonly store: Store;
  readonly options: SpoolOptions;
  readonly ports: SpoolPorts;
  readonly health: Health;
  /** Changes of one message follow each other. */
  readonly turns: Turnstile;
  readonly listeners: Set<(id: MessageId) => void>;
  /** Octets of bodies that are on their way in. */
  incoming: number;
  /** Octets of stored bodies, as of the last commit; `undefined` when they have to be asked for. */
  stored: number | undefined;
  /** Ids of messages that are on their way in: none is given out twice. */
  readonly open: Set<MessageId>;
  /** Aborted when the spool is being closed. */
  readonly ending: AbortSignal;
  /** Records as they were read last, with the octets they were read from: each is read several times on its way. */
  readonly decoded: Map<MessageId, { readonly octets: Buffer; readonly record: MessageRecord }>;
  /** The removal of ended bodies that runs, if one does. */
  janitor: Promise<void> | undefined;
}

/**
 * Commits, and says what is wrong with the spool when that fails. A commit that happened shows that a spool that had
 * failed can be written again.
 */
export async function commit(core: SpoolCore, writes: readonly Write[]): Promise<void> {
  try {
    await core.store.commit(writes);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    const octets = writes.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
    throw core.health.failed(error, octets + core.incoming);
  } finally {
    core.stored = undefined;
  }
  if (core.health.state.kind === "failed") core.health.recovered();
}

/**
 * As `commit`, for changes of what is stored already: an outcome that is not written down is a mail delivered twice. On a
 * full disk the failure of the first try has given up the ballast; and a change may only have shared the transaction of
 * a message that was too large.
 */
export async function commitChange(core: SpoolCore, writes: readonly Write[]): Promise<void> {
  try {
    await commit(core, writes);
  } catch (error) {
    if (!(error instanceof SpoolError)) throw error;
    await commit(core, writes);
  }
}

/** Octets of bodies stored and on their way. */
export function usedOctets(core: SpoolCore): number {
  // Between two commits thousands may begin: the store is asked once.
  core.stored ??= core.store.stats("chunk").octets;
  return core.stored + core.incoming;
}

/** Tells who waits for a change of which message. What they do with it cannot undo what is durable. */
export function changed(core: SpoolCore, id: MessageId): void {
  for (const listener of core.listeners) {
    try {
      listener(id);
    } catch (error) {
      core.ports.events.emit({ kind: "internal-error", where: "a listener of the spool", detail: String(error) });
    }
  }
}

/**
 * The value of what was decoded. An entry that cannot be read is moved aside with its octets and reported; it then is as
 * if it were not there. The move itself is not waited for: if it fails, the entry is found again.
 */
export function orSetAside<T>(
  core: SpoolCore,
  at: { readonly table: Table; readonly key: string; readonly octets: Buffer },
  decoded: Decoded<T>,
): T | undefined {
  if (decoded.kind === "ok") return decoded.value;
  const { table, key, octets } = at;
  core.ports.events.emit({ kind: "record-set-aside", key: `${table}/${key}`, detail: decoded.why });
  const writes: Write[] = [
    { table: "setaside", key: `${table}/${key}`, value: Buffer.from(octets) },
    { table, key, value: undefined },
  ];
  // Without its index entries: the queue would offer it again and again. Its chunks stay, for `rescue`.
  if (table === "message") {
    for (const index of ["held", "owed"] as const) writes.push({ table: index, key, value: undefined });
    for (const index of ["due", "dueout"] as const) writes.push(...dueEntries(core, index, key));
  }
  void commit(core, writes).catch(() => undefined);
  return undefined;
}

const page = 10_000;

/** The due time of a record that cannot be read is not known: its entry has to be looked for. */
function dueEntries(core: SpoolCore, table: "due" | "dueout", id: string): Write[] {
  for (let from = ""; ;) {
    const keys = core.store.keys(table, from, undefined, page);
    const found = keys.filter((key) => splitTimeKey(key).id === id);
    if (found.length > 0) return found.map((key) => ({ table, key, value: undefined }));
    const last = keys.at(-1);
    if (last === undefined || keys.length < page) return [];
    from = after(last);
  }
}
