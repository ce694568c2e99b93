/**
 * The spool: opens the store in its directory and gives the parts of popgate their views of it (`port.ts`).
 *
 * At the start the schema version is checked (a newer one is refused), unfinished bodies are swept, and the ballast is
 * put in its place. Disposing waits for commits under way, closes the store and gives the directory free.
 */
import { mkdirSync } from "node:fs";
import { auditStore } from "./audit.ts";
import type { AuditReport } from "./audit-tally.ts";
import { SpoolError, type Spool } from "./port.ts";
import { Health } from "./health.ts";
import { beginIngest } from "./intake.ts";
import { schemaKey, schemaVersion } from "./keys.ts";
import { accountState, forgetEntries, ledgerEntries, putAccountState, putEntries } from "./ledger.ts";
import { openLmdbStore } from "./lmdb-store.ts";
import { lockSpool } from "./lock.ts";
import { lookAfter, maintain, pruneLedger, sweepUnfinished } from "./maintenance.ts";
import {
  dueMessages,
  endedMessages,
  owedMessages,
  emptyTrash,
  heldMessages,
  listMessages,
  loadHistory,
  loadMessage,
  messagesOf,
  nextDueTime,
  readBody,
  updateMessage,
} from "./queue.ts";
import { commit, type SpoolCore, type SpoolOptions, type SpoolPorts } from "./spool-core.ts";
import { installStoreGuard } from "./store-guard.ts";
import type { Store } from "./store.ts";
import { Turnstile } from "./turnstile.ts";

export const defaultSpoolOptions: Omit<SpoolOptions, "dir" | "maxOctets" | "minFreeOctets" | "historyDays"> = {
  ballastOctets: 16 * 1024 * 1024,
  ledgerGoneDays: 60,
  chunkOctets: 128 * 1024,
};

/** The spool for its owner, who also looks after it. */
export interface OwnedSpool extends Spool {
  /**
   * A compacted copy of the running spool, as of one moment, into a directory that holds none yet. While it is made,
   * pages freed meanwhile are not used again: the file grows by what is written in that time.
   */
  backup(dir: string): Promise<void>;
  /** Accounts for every message; see `audit.ts`. */
  audit(signal: AbortSignal): Promise<AuditReport>;
  /** Prunes and tidies now, as the spool does by itself from time to time. */
  maintain(): Promise<void>;
}

/** Opens the spool in `options.dir`, which is made if it is not there. Rejects with `SpoolError`. */
export async function openSpool(options: SpoolOptions, ports: SpoolPorts): Promise<OwnedSpool> {
  mkdirSync(options.dir, { recursive: true, mode: 0o700 });
  using opening = new DisposableStack();
  opening.use(lockSpool(options.dir));
  const store = openLmdbStore({ dir: options.dir });
  const health = new Health(options.dir, options, ports);
  opening.use(installStoreGuard((detail) => health.broken(detail)));
  const whileOpen = opening.move();
  return await openOn(store, health, options, ports, () => whileOpen.dispose());
}

/** The spool on a given store, which it closes when it is disposed. `atEnd` runs last. */
export async function openOn(
  store: Store,
  health: Health,
  options: SpoolOptions,
  ports: SpoolPorts,
  atEnd: () => void = () => undefined,
): Promise<OwnedSpool> {
  const ending = new AbortController();
  const core: SpoolCore = {
    ending: ending.signal,
    janitor: undefined,
    store,
    options,
    ports,
    health,
    turns: new Turnstile(),
    listeners: new Set(),
    incoming: 0,
    stored: undefined,
    open: new Set(),
  };
  try {
    await checkSchema(core);
    health.restoreBallast();
    const swept = await sweepUnfinished(core);
    const { queued, held } = counts(core);
    ports.events.emit({ kind: "spool-opened", dir: options.dir, queued, held, swept });
  } catch (error) {
    await store.close().finally(atEnd);
    throw error;
  }
  // Bodies that were to be removed when the last run ended.
  void emptyTrash(core, ending.signal).catch(() => undefined);
  return view(core, ending, atEnd);
}

async function checkSchema(core: SpoolCore): Promise<void> {
  const found = core.store.get("meta", schemaKey)?.toString("latin1");
  if (found === undefined) {
    await commit(core, [{ table: "meta", key: schemaKey, value: Buffer.from(String(schemaVersion)) }]);
    return;
  }
  if (Number(found) === schemaVersion) return;
  throw new SpoolError(
    "SPOOL_UNUSABLE",
    `the spool ${core.options.dir} has schema version ${found}, this popgate writes version ${schemaVersion}: ` +
      "it was used by a newer popgate; install that one, or give popgate another directory",
  );
}

function counts(core: SpoolCore): ReturnType<Spool["counts"]> {
  const queuedOutbound = core.store.stats("dueout").entries;
  return {
    queued: core.store.stats("due").entries + queuedOutbound,
    queuedOutbound,
    held: core.store.stats("held").entries,
    octets: core.store.stats("chunk").octets,
  };
}

function view(core: SpoolCore, ending: AbortController, atEnd: () => void): OwnedSpool {
  const looking = lookAfter(core, ending.signal);
  let disposed: Promise<void> | undefined;
  return {
    begin: () => beginIngest(core),
    entries: async (account) => ledgerEntries(core, account),
    put: async (account, entries) => putEntries(core, account, entries),
    forget: async (account, uidls) => forgetEntries(core, account, uidls),
    state: async (account) => accountState(core, account),
    putState: async (account, state) => putAccountState(core, account, state),
    due: async (direction, now, limit, after) => dueMessages(core, direction, now, limit, after),
    nextDueAt: async (direction) => nextDueTime(core, direction),
    load: async (id) => loadMessage(core, id),
    body: (id, start = 0) => readBody(core, id, start),
    update: async (id, change) => updateMessage(core, id, change),
    onChange(listener) {
      core.listeners.add(listener);
      return { [Symbol.dispose]: () => void core.listeners.delete(listener) };
    },
    list: async (after, limit) => listMessages(core, after, limit),
    owed: async (after, limit) => owedMessages(core, after, limit),
    held: async (after, limit) => heldMessages(core, after, limit),
    history: async (id) => loadHistory(core, id),
    ended: async (from, to) => endedMessages(core, from, to),
    async byMessageIdField(messageId) {
      return messagesOf(core, messageId);
    },
    counts: () => counts(core),
    health: () => core.health.state,
    backup: async (dir) => core.store.backup(dir),
    audit: async (signal) => auditStore(core.store, AbortSignal.any([signal, ending.signal])),
    async maintain() {
      await maintain(core, ending.signal);
      await pruneLedger(core, ending.signal);
    },
    async [Symbol.asyncDispose]() {
      disposed ??= close(core, ending, looking, atEnd);
      return disposed;
    },
  };
}

async function close(
  core: SpoolCore,
  ending: AbortController,
  looking: Promise<void>,
  atEnd: () => void,
): Promise<void> {
  ending.abort(new Error("the spool is closed"));
  try {
    await looking;
    await core.turns.idle();
    await core.janitor?.catch(() => undefined);
    await core.store.close();
  } finally {
    atEnd();
  }
}
