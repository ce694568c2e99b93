/**
 * Changes the schema version of a spool that no daemon uses, for `popgate upgrade` and `popgate downgrade`: the start does
 * the first by itself, and nothing does the second without being asked.
 */
import { changeSchema, type ChangePorts, type ChangeResult } from "./schema-change.ts";
import { schemaVersion } from "./keys.ts";
import { openLmdbStore } from "./lmdb-store.ts";
import { lockSpool } from "./lock.ts";
import { SpoolError } from "./port.ts";
import { isSpool, schemaOf } from "./schema.ts";
import type { SpoolOptions } from "./spool-core.ts";
import { installStoreGuard } from "./store-guard.ts";
import type { Store } from "./store.ts";

export interface OfflineChange extends Pick<SpoolOptions, "dir" | "minFreeOctets" | "program"> {
  /** A version; `before`: the one that the spool had before it was upgraded. */
  readonly to: number | "newest" | "before";
  readonly withCopy: boolean;
}

/** Rejects with SpoolError when there is no spool, when it is in use, or when it cannot be changed. */
export async function changeSpool(
  change: OfflineChange,
  ports: ChangePorts,
): Promise<ChangeResult & { readonly to: number }> {
  const { dir, to } = change;
  if (!isSpool(dir)) throw new SpoolError("SPOOL_UNUSABLE", `there is no spool in ${dir}`);
  using _lock = lockSpool(dir);
  using _guard = installStoreGuard(() => undefined);
  const store = openLmdbStore({ dir });
  try {
    const target = to === "newest" ? schemaVersion : to === "before" ? versionBefore(store) : to;
    return { ...(await changeSchema(store, { ...change, target }, ports)), to: target };
  } finally {
    await store.close();
  }
}

function versionBefore(store: Store): number {
  const state = schemaOf(store);
  if (state.kind === "changing") return Math.min(state.change.from, state.change.to);
  const before = state.kind === "current" ? state.about.before?.schema : undefined;
  return before !== undefined && before < schemaVersion ? before : Math.max(1, schemaVersion - 1);
}
