/** The table of what the page says: one type, which every language fills. Words of popgate itself (events, steps, replies) come from the server and are English. */
import type {
  AccountStatus,
  ActionResult,
  DestinationStatus,
  Finding,
  MessageSummary,
  PollResult,
  RecipientDetail,
  ResolutionResult,
  Trouble,
} from "../../src/admin/schemas.ts";
import type { HoldReason, HoldWords } from "../../src/core/hold.ts";
import type { ThemeName } from "../preferences.ts";
import type { Standing, StationName } from "../stations.ts";

type By<K extends string> = Readonly<Record<K, string>>;
type Count = (count: number) => string;
type About = (text: string) => string;

type FieldName =
  | "id"
  | "state"
  | "direction"
  | "from"
  | "to"
  | "subject"
  | "received"
  | "size"
  | "next"
  | "reason"
  | "account"
  | "sender"
  | "recipient"
  | "origin"
  | "reversePath"
  | "messageId"
  | "digest"
  | "ended"
  | "attempts"
  | "detail"
  | "since"
  | "server"
  | "last"
  | "lastSuccess"
  | "nextPoll"
  | "destination"
  | "running"
  | "actions"
  | "removed"
  | "time";

type MessageAct = "retry" | "hold" | "release" | "redirect" | "drop" | "bounce";

export interface Words {
  /** Its own name. */
  readonly language: string;
  readonly skip: string;
  readonly navigation: string;
  readonly overview: string;
  readonly queue: string;
  readonly held: string;
  readonly accounts: string;
  readonly doctor: string;
  readonly message: string;
  readonly signOut: string;
  readonly signedInAs: About;
  readonly settings: string;
  readonly languageSwitch: string;
  readonly theme: string;
  readonly themes: By<ThemeName>;
  readonly live: string;
  readonly notLive: string;
  readonly loading: string;
  readonly again: string;
  readonly failed: About;
  readonly unreachable: string;
  readonly notFound: string;
  readonly ago: About;
  readonly inFuture: About;
  readonly never: string;
  readonly none: string;
  readonly close: string;
  readonly cancel: string;
  readonly login: By<"title" | "user" | "password" | "submit" | "wrong" | "ended">;
  readonly find: By<"title" | "label" | "submit" | "nothing" | "hint"> & { readonly results: Count };
  readonly states: By<MessageSummary["state"] | RecipientDetail["state"]>;
  readonly directions: By<MessageSummary["direction"]>;
  readonly reasons: By<HoldReason>;
  /** What reasons mean and what to do, where the language says it in other words than the server. */
  readonly holds: Readonly<Partial<Record<HoldReason, HoldWords>>>;
  readonly heldFor: (count: string, reason: string) => string;
  readonly fields: By<FieldName>;
  readonly nobody: string;
  readonly noSubject: string;
  readonly noRecipients: string;
  readonly more: Count;
  readonly overviewPage: By<
    | "troubles"
    | "allGood"
    | "queue"
    | "queued"
    | "heldCount"
    | "oldest"
    | "octets"
    | "inbound"
    | "outbound"
    | "accounts"
    | "destinations"
    | "program"
    | "version"
    | "running"
    | "configuration"
    | "spool"
    | "listeners"
    | "events"
    | "noEvents"
    | "plots"
    | "traffic"
    | "incoming"
    | "outgoing"
    | "age"
    | "polls"
    | "goodPolls"
    | "failedPolls"
    | "table"
    | "hour"
  > & {
    readonly severities: By<Trouble["severity"]>;
    readonly disk: (free: string, size: string) => string;
    readonly counted: About;
    readonly most: (what: string, value: string) => string;
  };
  readonly queuePage: By<
    "search" | "any" | "older" | "younger" | "submit" | "clear" | "empty" | "nextPage" | "firstPage" | "selectAll"
  > & { readonly select: About; readonly selected: Count };
  readonly messagePage: By<
    | "way"
    | "facts"
    | "recipients"
    | "attempts"
    | "noAttempts"
    | "headers"
    | "source"
    | "showSource"
    | "showRendered"
    | "download"
    | "gone"
    | "meaning"
    | "remedy"
  > & {
    readonly stations: By<StationName>;
    readonly standings: By<Standing>;
    readonly cut: About;
    readonly unconfirmed: Count;
  };
  readonly actions: By<MessageAct | "title" | "poll" | "pause" | "resume" | "reload" | "resolve">;
  readonly confirm: Readonly<Record<MessageAct, About>> &
    By<"one" | "to" | "toHint" | "toNeeded" | "redirectTo" | "whom" | "why" | "nobodyChosen"> & {
      readonly many: Count;
      readonly notAddress: About;
    };
  readonly results: By<ActionResult["kind"] | ResolutionResult["kind"] | PollResult["kind"]>;
  readonly resultOf: (count: number, kind: string) => string;
  readonly heldPage: By<
    "reasons" | "all" | "nothing" | "resolveSelected" | "resolveAll" | "dryRunFirst" | "wouldBe" | "hasBecome" | "doIt"
  >;
  readonly accountsPage: By<
    "polling" | "paused" | "disabled" | "failing" | "good" | "noAccounts" | "noDestinations" | "reloaded" | "pollAll"
  > & {
    readonly kinds: By<AccountStatus["kind"]>;
    readonly destinationStates: By<DestinationStatus["state"]>;
    readonly of: (verb: string, name: string) => string;
  };
  readonly doctorPage: By<"start" | "about" | "running"> & {
    readonly severities: By<Finding["severity"]>;
    readonly summary: (errors: number, warnings: number, good: number) => string;
  };
}
