/** What came of one poll of one account, for whoever asked for it. */
import type { AccountName } from "../core/ids.ts";
import type { EpochMs } from "../core/ports.ts";
import type { PollFailure } from "./schedule.ts";
import type { Tally } from "./tally.ts";

export type PollReport =
  | (Readonly<Tally> & {
      readonly kind: "done";
      readonly account: AccountName;
      readonly ms: number;
      /** The session was cut; another one should follow. */
      readonly more: boolean;
    })
  | (Readonly<Tally> & {
      readonly kind: "failed";
      readonly account: AccountName;
      readonly ms: number;
      readonly failure: PollFailure;
      readonly detail: string;
      readonly retryAt: EpochMs;
    })
  /** The provider does not want a login before this time; nothing was done. */
  | { readonly kind: "delayed"; readonly account: AccountName; readonly until: EpochMs }
  /** Nothing was done: the account is paused, or nothing can be taken into the spool. */
  | {
      readonly kind: "not-polled";
      readonly account: AccountName;
      readonly why: "paused" | "spool";
      readonly detail: string;
    };

/** One report for several sessions that followed each other: counts are added, the last outcome stands. */
export function mergeReports(earlier: PollReport | undefined, later: PollReport): PollReport {
  if (earlier?.kind !== "done") return later;
  // What was done is not forgotten because the next session has to wait.
  if (later.kind === "delayed" || later.kind === "not-polled") return earlier;
  return {
    ...later,
    fetched: earlier.fetched + later.fetched,
    octets: earlier.octets + later.octets,
    deleted: earlier.deleted + later.deleted,
    held: earlier.held + later.held,
    recognised: earlier.recognised + later.recognised,
    unfetchable: earlier.unfetchable + later.unfetchable,
    ms: earlier.ms + later.ms,
  };
}
