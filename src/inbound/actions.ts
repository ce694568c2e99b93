/** The vocabulary of a session's plan: what a session may be told to do, and by what rules that is found out. */
import type { MessageId } from "../core/ids.ts";
import type { EpochMs } from "../core/ports.ts";
import type { LedgerEntry } from "../spool/port.ts";
import type { KeepRule } from "./keep.ts";
import type { FailureCount } from "./unfetchable.ts";

export interface PlanRules {
  readonly keep: KeepRule;
  readonly initial: "all" | "new";
  /** Larger messages are left where they are. */
  readonly maxOctets: number;
  /** This box has never been looked at. */
  readonly firstContact: boolean;
  /** A rebuilt box was found at this time and has not been gone through to its end. */
  readonly rebuildingSince: EpochMs | undefined;
  /** Which of the spooled messages behind the ledger have ended. Needed for `until-delivered` only. */
  readonly ended: ReadonlySet<MessageId>;
  /** Messages without an id of their own that could not be fetched, by `unnamedKey`. */
  readonly brokenUnnamed: ReadonlyMap<string, FailureCount>;
  readonly now: EpochMs;
}

export type FetchReason =
  | "new"
  /** It was gone and is listed again: compare. */
  | "returned"
  /** The server gives another size than when it was brought in: compare. */
  | "resized"
  /** It has failed before. */
  | "retry"
  /** It was left for its size, and the limit has been raised since. */
  | "limit-raised"
  /** The server gives no unique id. */
  | "no-uidl"
  /** Its unique id stands for several messages of this listing. */
  | "duplicate-uidl";

export interface FetchAction {
  readonly number: number;
  /** By LIST; `undefined` when the server gave none. */
  readonly size: number | undefined;
  /** `undefined`: the ledger's id is made from the digest once it is known. */
  readonly uidl: string | undefined;
  readonly reason: FetchReason;
  /** What the ledger knows under this id. */
  readonly known: LedgerEntry | undefined;
  /** How often it has failed before. */
  readonly failures: number;
}

export interface DeleteAction {
  readonly number: number;
  /** The entry as it is to be written before DELE is sent. */
  readonly entry: LedgerEntry;
  readonly why: "again" | "keep-over";
}

export interface LeaveAction {
  readonly number: number;
  readonly why: "kept" | "initial" | "oversize" | "unfetchable";
}

/** Something a person should know about one message; told once. */
export interface BoxNotice {
  readonly uidl: string;
  readonly detail: string;
}

export interface SessionPlan {
  readonly fetches: readonly FetchAction[];
  readonly deletes: readonly DeleteAction[];
  readonly leaves: readonly LeaveAction[];
  /** Entries to write before anything else is done, those of `deletes` among them. */
  readonly ledger: readonly LedgerEntry[];
  /** Entries that have been replaced by others of `ledger`. */
  readonly forget: readonly string[];
  readonly notices: readonly BoxNotice[];
  /** Every unique id is new although known messages should be there: compare all by content. */
  readonly rebuilt: boolean;
  /** Every message of the listing had a unique id of its own. */
  readonly complete: boolean;
}
