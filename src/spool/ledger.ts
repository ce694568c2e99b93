/** The ledger of the providers' boxes, and what accounts remember. */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { AccountName } from "../core/ids.ts";
import { decodeJson, decodeLedger, encode } from "./codec.ts";
import { after, below, ledgerKey } from "./keys.ts";
import type { LedgerEntry } from "./port.ts";
import { commit, orSetAside, type SpoolCore } from "./spool-core.ts";
import type { Write } from "./store.ts";

/** Entries read in one go, and written in one commit. */
const pageSize = 1000;

export async function ledgerEntries(core: SpoolCore, account: AccountName): Promise<LedgerEntry[]> {
  const entries: LedgerEntry[] = [];
  const [start, to] = below(account);
  for (let from = start; ;) {
    const page = core.store.range("ledger", from, to, pageSize);
    for (const { key, value } of page) {
      const entry = orSetAside(core, { table: "ledger", key, octets: value }, decodeLedger(value));
      if (entry !== undefined) entries.push(entry);
    }
    const last = page.at(-1);
    if (last === undefined || page.length < pageSize) return entries;
    from = after(last.key);
    // A box of a hundred thousand messages is read for a second: others have their turn between pages.
    await nextTurn();
  }
}

export async function putEntries(
  core: SpoolCore,
  account: AccountName,
  entries: readonly LedgerEntry[],
): Promise<void> {
  await inPages(core, entries, (entry) => ({
    table: "ledger",
    key: ledgerKey(account, entry.uidl),
    value: encode(entry),
  }));
}

export async function forgetEntries(core: SpoolCore, account: AccountName, uidls: readonly string[]): Promise<void> {
  await inPages(core, uidls, (uidl) => ({ table: "ledger", key: ledgerKey(account, uidl), value: undefined }));
}

export function accountState(core: SpoolCore, account: AccountName): unknown {
  const octets = core.store.get("state", account);
  return octets === undefined
    ? undefined
    : orSetAside(core, { table: "state", key: account, octets }, decodeJson(octets));
}

export async function putAccountState(core: SpoolCore, account: AccountName, state: unknown): Promise<void> {
  await commit(core, [{ table: "state", key: account, value: encode(state) }]);
}

async function inPages<T>(core: SpoolCore, items: readonly T[], write: (item: T) => Write): Promise<void> {
  for (let begin = 0; begin < items.length; begin += pageSize)
    await commit(core, items.slice(begin, begin + pageSize).map(write));
}
