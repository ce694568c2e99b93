/**
 * The spool: opens the store in its directory and gives the parts of popgate their views of it (`port.ts`).
 *
 * At the start a spool of an older schema version is changed to the present one, after a copy of it was made; a newer one
 * is refused. Unfinished bodies are swept, and the ballast is put in its place. Disposing waits for commits under way, closes the store and gives the directory free.
 */
import { mkdirSync } from "node:fs";
import { messageOf } from "../core/thrown.ts";
import { auditStore } from "./audit.ts";
import type { AuditReport } from "./audit-tally.ts";
import { SpoolError, type Spool } from "./port.ts";
import { Health } from "./health.ts";
import { beginIngest } from "./intake.ts";
import { schemaVersion } from "./keys.ts";
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
import { changeSchema } from "./schema-change.ts";
import { refusalOfNewer, schemaOf, writesOfSchema } from "./schema.ts";
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
  makeDirectory(options.dir);
  using opening = new DisposableStack();
  opening.use(lockSpool(options.dir));
  const store = openLmdbStore({ dir: options.dir });
  const health = new Health(options.dir, options, ports);
  opening.use(installStoreGuard((detail) => health.broken(detail)));
  const whileOpen = opening.move();
  return await openOn(store, health, options, ports, () => whileOpen.dispose());
}

function makeDirectory(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new SpoolError("SPOOL_UNUSABLE", `the spool's directory cannot be made: ${messageOf(error)}`, {
      cause: error,
    });
  }
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
    decoded: new Map(),
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
    await bringToSchema(core);
    health.restoreBallast();
    const swept = await sweepUnfinished(core);
    const { queued, held } = counts(core);
    ports.events.emit({ kind: "spool-opened", dir: options.dir, queued, held, swept });
  } catch (error) {
    // What the opening ran into is the news; a store that cannot be closed either adds nothing to it.
    await store.close().catch(() => undefined);
    atEnd();
    throw error;
  }
  // Bodies that were to be removed when the last run ended.
  void emptyTrash(core, ending.signal).catch(() => undefined);
  return view(core, ending, atEnd);
}

/** A new spool gets the present schema version, an older one is changed to it, a newer one is refused. */
async function bringToSchema(core: SpoolCore): Promise<void> {
  const { dir, program, minFreeOctets } = core.options;
  const state = schemaOf(core.store);
  switch (state.kind) {
    case "none":
      return commit(core, writesOfSchema(schemaVersion, { popgate: program, since: core.ports.clock.now() }));
    case "current":
      // Who may have written to it last: on a disk that is full, that has to wait.
      if (program !== undefined && state.about.popgate !== program)
        await commit(core, writesOfSchema(schemaVersion, { ...state.about, popgate: program })).catch(() => undefined);
      return;
    case "older":
    case "changing": {
      const options = { dir, minFreeOctets, program, target: schemaVersion, withCopy: true };
      await changeSchema(core.store, options, core.ports);
      return;
    }
    case "newer":
      throw refusalOfNewer(dir, state);
  }
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
