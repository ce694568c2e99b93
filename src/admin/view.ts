/** From a record of the spool to what the admin interface shows of it. Pure. */
import { formatReversePath } from "../core/address.ts";
import { holdWords } from "../core/hold.ts";
import { causeText, replyText } from "../core/outcome.ts";
import type { EpochMs } from "../core/ports.ts";
import { holdsOf, isEnded, nextDue, type HistoryRecord, type MessageRecord, type Recipient } from "../spool/record.ts";
import type { MessageDetail, MessageSummary, RecipientDetail } from "./schemas.ts";

/** `MessageRecord` for what is in the queue, `HistoryRecord` for what has ended. */
export type AnyRecord = MessageRecord | HistoryRecord;

export function isHistory(record: AnyRecord): record is HistoryRecord {
  return "endedAt" in record;
}

export function summaryOf(record: AnyRecord): MessageSummary {
  const [hold] = holdsOf(record);
  const due = nextDue(record);
  return {
    id: record.id,
    direction: record.direction,
    state: isHistory(record) || isEnded(record) ? "ended" : hold === undefined ? "queued" : "held",
    receivedAt: record.receivedAt,
    size: record.size,
    origin: originOf(record),
    reversePath: record.reversePath.kind === "null" ? "" : record.reversePath.address,
    recipients: record.recipients.map(({ address, state }) => ({ address, state: state.kind })),
    from: record.summary.from,
    subject: record.summary.subject,
    messageId: record.summary.messageId,
    ...(hold === undefined ? {} : { reason: hold.hold.reason }),
    ...(due === undefined ? {} : { nextAttemptAt: due }),
  };
}

/** `headers`: the header block as text; empty when the message has ended. */
export function detailOf(record: AnyRecord, headers: string): MessageDetail {
  const { hold } = record;
  return {
    ...summaryOf(record),
    digest: record.digest,
    ...(hold === undefined ? {} : { hold: { ...hold, ...holdWords[hold.reason] } }),
    details: record.recipients.map(recipientDetail),
    attempts: record.attempts.map((attempt) => ({ ...attempt, recipients: [...attempt.recipients] })),
    headers,
    removed: record.removed.map(({ name }) => name),
    ...(isHistory(record) ? { endedAt: record.endedAt } : {}),
  };
}

/** Whom or what it came from, in a few words. */
export function originOf({ origin }: AnyRecord): string {
  switch (origin.kind) {
    case "pop3":
      return origin.account;
    case "smtp":
      return origin.user === undefined ? origin.client : `${origin.client} (${origin.user})`;
    case "local":
      return `popgate (${origin.purpose})`;
  }
}

/** What became of a recipient, or what it waits for, in one line. */
export function stateText({ state, lastCause }: Recipient): string {
  switch (state.kind) {
    case "delivered":
      return replyText(state.reply);
    case "held":
      return `${state.hold.reason}: ${state.hold.detail}`;
    case "bounced":
    case "expired":
      return causeText(state.cause);
    case "dropped":
      // A redirection says so by itself.
      return / to .+@/u.test(state.by) ? state.by : `by ${state.by}`;
    case "queued":
      return lastCause === undefined ? "waits for its first attempt" : `last attempt: ${causeText(lastCause)}`;
  }
}

/** When it ended, or was held. */
export function endOf(state: Recipient["state"]): EpochMs | undefined {
  if (state.kind === "queued") return undefined;
  return state.kind === "held" ? state.hold.since : state.at;
}

export function senderText(record: AnyRecord): string {
  return formatReversePath(record.reversePath);
}

function recipientDetail(recipient: Recipient): RecipientDetail {
  const { address, state, unconfirmed } = recipient;
  const at = endOf(state);
  return {
    address,
    state: state.kind,
    attempts: "attempts" in state ? state.attempts : 0,
    ...(state.kind === "queued" ? { nextAttemptAt: state.nextAttemptAt } : {}),
    ...(at === undefined ? {} : { at }),
    detail: stateText(recipient),
    unconfirmed,
  };
}
