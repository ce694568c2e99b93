/** What the parts of the spool share: the store, its health, turns, and everybody who waits for a change. */
import type { EventSink } from "../core/events.ts";
import type { Clock, Random } from "../core/ports.ts";
import type { Decoded } from "./codec.ts";
import type { FreeOctets, Health } from "./health.ts";
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
  readonly listeners: Set<() => void>;
  /** Octets of bodies that are on their way in. */
  incoming: number;
  /** Aborted when the spool is being closed. */
  readonly ending: AbortSignal;
  /** The removal of ended bodies that runs, if one does. */
  janitor: Promise<void> | undefined;
}

/** Commits, and says what is wrong with the spool when that fails. */
export async function commit(core: SpoolCore, writes: readonly Write[]): Promise<void> {
  try {
    await core.store.commit(writes);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    throw core.health.failed(error);
  }
}

export function changed(core: SpoolCore): void {
  for (const listener of core.listeners) listener();
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
  if (table === "message") writes.push({ table: "held", key, value: undefined });
  void commit(core, writes).catch(() => undefined);
  return undefined;
}
