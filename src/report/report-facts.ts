/**
 * What a report to a sender tells: facts taken from the record of the message it is about. Pure.
 *
 * A recipient is told of only when what is owed is still true of it and the sender wishes to know (RFC 3461 §4.1): a
 * delay of what has been delivered meanwhile is no news, and nobody is told what NOTIFY forbids.
 */
import { addressKey, type Address } from "../core/address.ts";
import type { Cause, SmtpReply } from "../core/outcome.ts";
import type { EpochMs } from "../core/ports.ts";
import { type Attempt, type MessageRecord, type OwedReport, type Recipient, wantsReport } from "../spool/record.ts";
import { hostOf } from "./remote-host.ts";

export type ReportKind = OwedReport["kind"];
export type ReportLanguage = "de" | "en" | "both";

/** What became of one recipient. */
export type Happening =
  | { readonly kind: "bounced"; readonly cause: Cause }
  /** Tried until the time was up; `cause` is what the last attempt ran into. */
  | { readonly kind: "expired"; readonly cause: Cause }
  /** Not delivered yet; `cause` is `undefined` when it has not come to an attempt. */
  | { readonly kind: "delayed"; readonly cause: Cause | undefined }
  /** Handed to a server that will not report by itself. */
  | { readonly kind: "relayed"; readonly reply: SmtpReply };

export interface RecipientFacts {
  readonly address: Address;
  readonly orcpt: string | undefined;
  readonly happening: Happening;
  /** Name or IP address of the server that was asked. */
  readonly remote: string | undefined;
  readonly lastAttemptAt: EpochMs | undefined;
}

/** The message that is reported of. */
export interface OriginalFacts {
  /** Queue id. */
  readonly id: string;
  readonly receivedAt: EpochMs;
  readonly messageId: string;
  readonly subject: string;
  readonly envid: string | undefined;
  /** How many recipients it has in all. */
  readonly recipients: number;
  /** How long it will be tried. */
  readonly until: EpochMs;
  /** It came with REQUIRETLS: nothing of its content may go where that is not asked for (RFC 8689 §5). */
  readonly confidential: boolean;
}

/** The recipients of the entries that are to be told of, one each. */
export function recipientFacts(record: MessageRecord, kind: ReportKind, owed: readonly Address[]): RecipientFacts[] {
  const keys = new Set(owed.map(addressKey));
  return record.recipients.flatMap((recipient) => {
    const { address, dsn } = recipient;
    if (!keys.has(addressKey(address)) || !wantsReport(record, recipient, kind)) return [];
    const happening = happeningOf(recipient, kind);
    if (happening === undefined) return [];
    const attempt = lastAttempt(record.attempts, address);
    return [
      {
        address,
        orcpt: dsn?.orcpt,
        happening,
        remote: attempt === undefined ? undefined : hostOf(attempt.destination),
        lastAttemptAt: attempt?.at,
      },
    ];
  });
}

export function originalFacts(record: MessageRecord, giveUpMs: number): OriginalFacts {
  const { id, receivedAt, queuedSince, summary, submission, recipients } = record;
  return {
    id,
    receivedAt,
    messageId: summary.messageId,
    subject: summary.subject,
    envid: submission?.envid,
    recipients: recipients.length,
    until: (queuedSince ?? receivedAt) + giveUpMs,
    confidential: submission?.requireTls === true,
  };
}

function happeningOf({ state, lastCause }: Recipient, kind: ReportKind): Happening | undefined {
  switch (kind) {
    case "failed":
      return state.kind === "bounced" || state.kind === "expired"
        ? { kind: state.kind, cause: state.cause }
        : undefined;
    case "delayed":
      return state.kind === "queued" ? { kind: "delayed", cause: lastCause } : undefined;
    case "relayed":
      return state.kind === "delivered" ? { kind: "relayed", reply: state.reply } : undefined;
  }
}

/** Without a destination it is a person's act. */
function lastAttempt(attempts: readonly Attempt[], address: Address): Attempt | undefined {
  return attempts.findLast(({ destination, recipients }) => destination !== "" && recipients.includes(address));
}
