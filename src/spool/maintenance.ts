/** What the spool does for itself: sweeping at the start, pruning, emptying the trash, and coming back from a failure. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { addressKey } from "../core/address.ts";
import { decodeLedger } from "./codec.ts";
import { after, seenKey, splitTimeKey, timePrefix, probeKey } from "./keys.ts";
import { SpoolError } from "./port.ts";
import { asId, emptyTrash, loadHistory, removeChunks } from "./queue.ts";
import { commit, usedOctets, type SpoolCore } from "./spool-core.ts";
import { StoreError, type Write } from "./store.ts";
import { writesForForgotten } from "./writes.ts";

const dayMs = 86_400_000;
const batch = 100;
const ledgerPage = 1000;
/** How often the spool looks after itself, and tries to be written again. */
const maintainEveryMs = 60_000;
/** The ledger is read from end to end for it. */
const pruneLedgerEveryMs = 3_600_000;
const probeEveryMs = 5_000;

/**
 * Removes the chunks of messages that were not committed, before anything new is taken in. Returns how many there were.
 * On a disk that is full or cannot be written they stay until the next start: what is stored must be delivered all the
 * same.
 */
export async function sweepUnfinished(core: SpoolCore): Promise<number> {
  let swept = 0;
  try {
    for (;;) {
      const ids = core.store.keys("ingest", "", undefined, batch);
      for (const id of ids) await removeChunks(core, id, "ingest");
      swept += ids.length;
      if (ids.length < batch) return swept;
    }
  } catch (error) {
    if (!(error instanceof SpoolError)) throw error;
    return swept;
  }
}

/** One round: trash emptied, history pruned by age, ballast in place. In small commits. */
export async function maintain(core: SpoolCore, signal: AbortSignal): Promise<void> {
  await emptyTrash(core, signal);
  await pruneHistory(core, signal);
  core.health.restoreBallast();
}

async function pruneHistory(core: SpoolCore, signal: AbortSignal): Promise<void> {
  const until = core.ports.clock.now() - core.options.historyDays * dayMs;
  while (!signal.aborted) {
    const keys = core.store.keys("ended", "", timePrefix(until), batch);
    const writes: Write[] = [];
    for (const key of keys) {
      const record = loadHistory(core, asId(splitTimeKey(key).id));
      if (record === undefined) writes.push({ table: "ended", key, value: undefined });
      else
        writes.push(
          ...writesForForgotten(record, (address) => ownsSeen(core, record.contentDigest, address, record.id)),
        );
    }
    if (writes.length > 0) await commit(core, writes);
    if (keys.length < batch) return;
  }
}

function ownsSeen(
  core: SpoolCore,
  contentDigest: string,
  address: Parameters<typeof addressKey>[0],
  id: string,
): boolean {
  return core.store.get("seen", seenKey(contentDigest, addressKey(address)))?.toString("latin1") === id;
}

/** Forgets what left its box so long ago that it will not come back. */
export async function pruneLedger(core: SpoolCore, signal: AbortSignal): Promise<void> {
  const until = core.ports.clock.now() - core.options.ledgerGoneDays * dayMs;
  for (let from = ""; !signal.aborted;) {
    const page = core.store.range("ledger", from, undefined, ledgerPage);
    const writes: Write[] = page.flatMap(({ key, value }) => {
      const entry = decodeLedger(value);
      const gone = entry.kind === "ok" && entry.value.state === "gone" && entry.value.since < until;
      return gone ? [{ table: "ledger" as const, key, value: undefined }] : [];
    });
    if (writes.length > 0) await commit(core, writes);
    const last = page.at(-1);
    if (last === undefined || page.length < ledgerPage) return;
    await nextTurn();
    from = after(last.key);
  }
}

/** Runs until the signal: maintenance, and probes while the spool has failed. */
export async function lookAfter(core: SpoolCore, signal: AbortSignal): Promise<void> {
  const { clock, events } = core.ports;
  let maintainAt = clock.now() + maintainEveryMs;
  let ledgerAt = maintainAt;
  while (!signal.aborted) {
    await clock.sleep(probeEveryMs, signal).catch(() => undefined);
    if (signal.aborted) return;
    try {
      if (core.health.wantsProbe) await probe(core);
      core.health.reconsider(usedOctets(core));
      // Further ahead than a round can be, the clock has been set back: nothing waits for it to catch up.
      const restMs = maintainAt - clock.now();
      if (restMs > 0 && restMs <= maintainEveryMs) continue;
      maintainAt = clock.now() + maintainEveryMs;
      if (core.health.state.kind === "failed") continue;
      await maintain(core, signal);
      if (clock.now() < ledgerAt && ledgerAt - clock.now() <= pruneLedgerEveryMs) continue;
      ledgerAt = clock.now() + pruneLedgerEveryMs;
      await pruneLedger(core, signal);
    } catch (error) {
      // The spool's own trouble has been told when the commit failed.
      if (core.health.state.kind === "ok")
        events.emit({ kind: "internal-error", where: "spool maintenance", detail: String(error) });
    }
  }
}

/** A small write: when it is durable, so is everything else again. */
async function probe(core: SpoolCore): Promise<void> {
  try {
    const value = Buffer.from(String(core.ports.clock.now()));
    await core.store.commit([{ table: "meta", key: probeKey, value }]);
  } catch (error) {
    if (error instanceof StoreError) return;
    throw error;
  }
  core.health.recovered();
}
