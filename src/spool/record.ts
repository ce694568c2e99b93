/**
 * What the spool keeps of a message, and the states of its recipients.
 *
 *   queued ──attempt──▶ delivered | queued (deferred, unconfirmed) | held | bounced | expired
 *   held ──person──▶ queued | dropped
 *   queued ──person──▶ held | dropped
 *
 * `delivering` is a state of the running process only: after a crash the recipient is simply still `queued`.
 * A message with a `hold` of its own has no recipients yet: they are what could not be established.
 * A message is *ended* when it has no hold, every recipient is delivered, bounced, expired or dropped, and its sender is
 * owed no report any more. It then leaves a history record without its body.
 */
import type { Address, ReversePath } from "../core/address.ts";
import type { Hold } from "../core/hold.ts";
import type { AccountName, MessageId } from "../core/ids.ts";
import type { Cause, SmtpReply } from "../core/outcome.ts";
import type { EpochMs } from "../core/ports.ts";
import type { Evidence, RemovedField } from "../message/decision.ts";
import type { Edits, Summary, Traits } from "../message/edits.ts";

type RecipientState =
  | { readonly kind: "queued"; readonly nextAttemptAt: EpochMs; readonly attempts: number }
  | { readonly kind: "held"; readonly hold: Hold; readonly attempts: number }
  | { readonly kind: "delivered"; readonly at: EpochMs; readonly reply: SmtpReply }
  | { readonly kind: "bounced"; readonly at: EpochMs; readonly cause: Cause }
  | { readonly kind: "expired"; readonly at: EpochMs; readonly cause: Cause }
  | { readonly kind: "dropped"; readonly at: EpochMs; readonly by: string };

export interface Recipient {
  readonly address: Address;
  readonly state: RecipientState;
  /** What the last attempt that did not deliver ran into. */
  readonly lastCause: Cause | undefined;
  /** How many attempts ended without our knowing whether the target took the message. */
  readonly unconfirmed: number;
  /** RFC 3461 wishes, outbound only. */
  readonly dsn: DsnWishes | undefined;
  /** When a delay notice about this recipient was owed to the sender: there is one at most. */
  readonly delayNoticeAt?: EpochMs | undefined;
}

/** What the sender wants to be told of one recipient (RFC 3461 §4.1, §4.2). */
export interface DsnWishes {
  /** Empty when NOTIFY was not given: failures are told then, and delays. */
  readonly notify: readonly ("NEVER" | "SUCCESS" | "FAILURE" | "DELAY")[];
  /** The original recipient, decoded from xtext: `rfc822;user@domain`. */
  readonly orcpt: string | undefined;
}

/** What came with the envelope of a message that was submitted to us. */
export interface Submission {
  /** Whose mail it is when a relay is chosen: the reverse path, or the author (From) of mail with the null reverse path. */
  readonly sender: Address | undefined;
  /** RFC 3461 §4.3, §4.4; `envid` is decoded from xtext. */
  readonly ret: "FULL" | "HDRS" | undefined;
  readonly envid: string | undefined;
  /** RFC 8689: it must not be relayed without TLS to a server that has proved itself. */
  readonly requireTls: boolean;
}

/**
 * A report that the sender is to have (RFC 3461 §5.2) and that has not been spooled yet. `failed`: bounced or expired;
 * `relayed`: handed to a server that will not report by itself. What happened stands in the recipients' states.
 */
export interface OwedReport {
  readonly kind: "failed" | "delayed" | "relayed";
  readonly recipients: readonly Address[];
  readonly since: EpochMs;
}

/** How a message came in. */
type Origin =
  | { readonly kind: "pop3"; readonly account: AccountName; readonly uidl: string }
  | { readonly kind: "smtp"; readonly client: string; readonly user: string | undefined; readonly protocol: string }
  /** Made by popgate itself: a notice or a report. */
  | { readonly kind: "local"; readonly purpose: "notice" | "report" };

/** Inbound goes to Exchange, outbound by the relays. Notices and reports are inbound mail with a local origin. */
export type Direction = "inbound" | "outbound";

/** One attempt to hand the message over, for `show` and `explain`. The last 20 are kept. */
export interface Attempt {
  readonly at: EpochMs;
  readonly destination: string;
  readonly recipients: readonly Address[];
  /** One line in words, with the server's own. */
  readonly text: string;
}

/** All that is settled when a message is committed; the spool adds id, time, size and digest. */
export interface MessageDraft {
  readonly direction: Direction;
  readonly origin: Origin;
  readonly reversePath: ReversePath;
  readonly recipients: readonly Recipient[];
  /** The message as a whole waits for a person. */
  readonly hold: Hold | undefined;
  readonly edits: Edits;
  readonly removed: readonly RemovedField[];
  readonly evidence: Evidence | undefined;
  readonly summary: Summary;
  readonly traits: Traits;
  /** SHA-256 (hex) of what the sender wrote, without what hops added: see `message/examine.ts`. */
  readonly contentDigest: string;
  /** Outbound only. */
  readonly submission?: Submission | undefined;
}

export interface MessageRecord extends MessageDraft {
  readonly version: 1;
  readonly id: MessageId;
  readonly receivedAt: EpochMs;
  /** Octets as stored. */
  readonly size: number;
  /** SHA-256 (hex) of the octets as stored. */
  readonly digest: string;
  readonly attempts: readonly Attempt[];
  /** When it was released from a hold, if it was: how long it has been waiting for the target is counted from here. */
  readonly queuedSince?: EpochMs;
  /** Reports that are still to be made; the message is kept for them. Absent: none. */
  readonly owed?: readonly OwedReport[] | undefined;
  /** When a person was told of all that is held of it. The spool clears it when something more is held. */
  readonly noticedAt: EpochMs | undefined;
}

/** What is left of an ended message. */
export interface HistoryRecord extends MessageRecord {
  readonly endedAt: EpochMs;
}

/** Everything of a message that waits for a person: the message as a whole (`recipient` is undefined), recipients. */
export function holdsOf(
  record: Pick<MessageRecord, "hold" | "recipients">,
): readonly { readonly recipient: Address | undefined; readonly hold: Hold }[] {
  const whole = record.hold === undefined ? [] : [{ recipient: undefined, hold: record.hold }];
  const parts = record.recipients.flatMap(({ address, state }) =>
    state.kind === "held" ? [{ recipient: address, hold: state.hold }] : [],
  );
  return [...whole, ...parts];
}

/** True when something is held in `after` that was not held in `before`, or for another reason. */
export function holdsMore(before: MessageRecord, after: MessageRecord): boolean {
  const known = new Map(holdsOf(before).map(({ recipient, hold }) => [recipient, hold.reason]));
  return holdsOf(after).some(({ recipient, hold }) => known.get(recipient) !== hold.reason);
}

/** True when nothing is left to do, to decide or to report. */
export function isEnded(record: Pick<MessageRecord, "hold" | "recipients" | "owed">): boolean {
  return (
    record.hold === undefined &&
    (record.owed ?? []).length === 0 &&
    record.recipients.every(({ state }) => state.kind !== "queued" && state.kind !== "held")
  );
}

/** Whether the sender wants a report of this kind about this recipient (RFC 3461 §4.1, §5.2). */
export function wantsReport(
  { reversePath }: Pick<MessageRecord, "reversePath">,
  { dsn }: Pick<Recipient, "dsn">,
  kind: OwedReport["kind"],
): boolean {
  if (reversePath.kind === "null") return false;
  const notify = dsn?.notify ?? [];
  switch (kind) {
    case "failed":
      return notify.length === 0 || notify.includes("FAILURE");
    case "delayed":
      return notify.length === 0 || notify.includes("DELAY");
    case "relayed":
      return notify.includes("SUCCESS");
  }
}

/** When the message is next due for an attempt: the earliest of its queued recipients; `undefined` if none is queued. */
export function nextDue(record: Pick<MessageRecord, "hold" | "recipients">): EpochMs | undefined {
  let due: EpochMs | undefined;
  if (record.hold !== undefined) return undefined;
  for (const { state } of record.recipients) {
    if (state.kind === "queued" && (due === undefined || state.nextAttemptAt < due)) due = state.nextAttemptAt;
  }
  return due;
}

/** A recipient that has just been established: due at once. */
export function queuedRecipient(address: Address, now: EpochMs): Recipient {
  return {
    address,
    state: { kind: "queued", nextAttemptAt: now, attempts: 0 },
    lastCause: undefined,
    unconfirmed: 0,
    dsn: undefined,
  };
}
