/**
 * What an administrator has paused: accounts that are not polled, destinations that nothing is sent to. Kept in the spool,
 * so that it lasts over a restart; a pause that ended by itself would be a surprise.
 */
import type { AccountName } from "../core/ids.ts";
import type { Ledger } from "../spool/port.ts";

export interface Paused {
  readonly accounts: ReadonlySet<string>;
  readonly destinations: ReadonlySet<string>;
  /** Durable when it resolves; when it rejects, nothing has changed. */
  set(what: "accounts" | "destinations", name: string, isPaused: boolean): Promise<void>;
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a name that no configuration can give
const key = ".paused" as AccountName;

export async function openPaused(spool: Pick<Ledger, "state" | "putState">): Promise<Paused> {
  const stored = await spool.state(key);
  const accounts = namesIn(stored, "accounts");
  const destinations = namesIn(stored, "destinations");
  const paused = { accounts, destinations };
  return {
    ...paused,
    async set(what, name, isPaused) {
      const wasPaused = paused[what].has(name);
      mark(paused[what], name, isPaused);
      try {
        await spool.putState(key, { accounts: [...accounts], destinations: [...destinations] });
      } catch (error) {
        // Whoever asked for it is told that it has failed, and so it must not come true at the next reload.
        mark(paused[what], name, wasPaused);
        throw error;
      }
    },
  };
}

function mark(names: Set<string>, name: string, isPaused: boolean): void {
  if (isPaused) names.add(name);
  else names.delete(name);
}

function namesIn(stored: unknown, what: string): Set<string> {
  const list: unknown = typeof stored === "object" && stored !== null ? Reflect.get(stored, what) : undefined;
  return new Set(Array.isArray(list) ? list.filter((name) => typeof name === "string") : []);
}
