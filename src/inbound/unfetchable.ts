/**
 * Messages that cannot be fetched: how often they are tried, and when a person is told. Pure.
 *
 * The first failure costs a message its place in the queue only (it comes last in the next session): a connection breaks
 * for many reasons. From the second on it is left alone for a while that doubles up to a day, and never given up: the
 * provider may repair it. A person is told once.
 */
import type { EpochMs } from "../core/ports.ts";
import type { LedgerEntry } from "../spool/port.ts";
import { skippedEntry } from "./ledger-entry.ts";

const firstDelayMs = 10 * 60_000;
const longestDelayMs = 24 * 3_600_000;
/** With this many failures the message is reported. */
export const failuresBeforeNotice = 3;

/** For messages that the ledger cannot remember, having no id. */
export interface FailureCount {
  readonly failures: number;
  /** When it failed last. */
  readonly at: EpochMs;
}

/** How long a message is left alone after so many failures. */
function retryDelayMs(failures: number): number {
  if (failures <= 1) return 0;
  return Math.min(longestDelayMs, firstDelayMs * 2 ** Math.min(failures - 2, 20));
}

/** True while a message that failed last at `failedAt` is left alone. A failure in the future was told by a clock that was ahead. */
export function isLeftAlone(failedAt: EpochMs, failures: number, now: EpochMs): boolean {
  const waited = now - failedAt;
  return waited >= 0 && waited < retryDelayMs(failures);
}

/** The entry of a message after one more failure. */
export function failedEntry(
  message: { readonly uidl: string; readonly size: number | undefined; readonly known: LedgerEntry | undefined },
  now: EpochMs,
): LedgerEntry {
  const failures = (message.known?.failures ?? 0) + 1;
  // What was brought in before keeps all that is known of it: only the comparison has failed.
  if (message.known !== undefined && message.known.digest !== "") return { ...message.known, since: now, failures };
  return { ...skippedEntry(message, message.uidl, "unfetchable", now), failures };
}
