/**
 * What a transaction's outcomes make of an outbound record. Pure.
 *
 *   delivered       → delivered; a `relayed` report is owed when the sender asked to be told of success and the server did
 *                     not take that wish over (RFC 3461 §5.2.2)
 *   refused         → bounced, and a `failed` report is owed unless NOTIFY says otherwise
 *   deferred        → queued again, later. When the target as a whole was not to be had, or the account at the relay is in
 *                     trouble, it stays due and no attempt is counted: the destination says when it can be tried again
 *   unconfirmed     → queued again, later, and counted: it may have been taken
 *
 * Nothing expires here: `overdue.ts` does that, also for what is never tried.
 *
 * A refusal of mail with the null reverse path reaches nobody. What was submitted to us (a journal report, a bounce of
 * Exchange's) is then held as `refused`, so that a person hears of it: a journal that loses entries without a word is worse
 * than a bounce too many in the digest. Our own reports end `bounced`, as with any mail server: their news is in the log.
 *
 * A server without REQUIRETLS (RFC 8689 §4.2.1) bounces nothing at once: another may have it until the mail expires. One
 * without SMTPUTF8 (RFC 6531 §3.2), or whose SIZE is too small (RFC 1870), does: waiting would not change it, and the
 * sender can.
 *
 * A recipient that is not queued any more (somebody has acted meanwhile) is left as it is, unless it was delivered: that
 * has happened, whatever was decided, and then no report of failure or delay is due any more.
 */
import type { Address } from "../core/address.ts";
import { causeText, type Cause, type Outcome } from "../core/outcome.ts";
import { type MessageRecord, type OwedReport, type Recipient, wantsReport } from "../spool/record.ts";
import { notOwing, owing } from "./owed.ts";
import { retryDelayMs } from "./retry.ts";
import { attemptsWith, isTargets, type SettleContext } from "./settle.ts";
import type { RecipientOutcome, TransactionResult } from "./transport.ts";

export interface OutboundRules {
  /** Pauses between attempts. */
  readonly retryMs: readonly number[];
}

export interface OutboundContext extends SettleContext {
  /** The server has taken the wishes for reports over, and reports by itself. */
  readonly dsnPassedOn: boolean;
  /** The account at the relay is in trouble: what was deferred is not the mail's doing. */
  readonly account: TransactionResult["account"];
}

/** The record after an attempt: each recipient's new state, what the sender is owed, and the attempt noted. */
export function settleOutbound(
  record: MessageRecord,
  results: readonly RecipientOutcome[],
  rules: OutboundRules,
  context: OutboundContext,
): MessageRecord {
  const outcomes = new Map(results.map(({ recipient, outcome }) => [recipient, outcome]));
  const settled: Settled[] = [];
  const recipients = record.recipients.map((recipient) => {
    const outcome = outcomes.get(recipient.address);
    if (outcome === undefined) return recipient;
    const next = settleOne(record, recipient, outcome, rules, context);
    settled.push({ before: recipient, next });
    return next;
  });
  const attempts = attemptsWith(record, results, context);
  return withDebts({ ...record, recipients, attempts }, settled, context);
}

/** A recipient that had an outcome, before and after. */
interface Settled {
  readonly before: Recipient;
  readonly next: Recipient;
}

function settleOne(
  record: MessageRecord,
  recipient: Recipient,
  outcome: Outcome,
  rules: OutboundRules,
  context: OutboundContext,
): Recipient {
  const { now } = context;
  if (outcome.kind === "delivered") {
    // Delivered before: the first time counts.
    if (recipient.state.kind === "delivered") return recipient;
    return { ...recipient, state: { kind: "delivered", at: now, reply: outcome.reply } };
  }
  if (recipient.state.kind !== "queued") return recipient;
  const { cause } = outcome;
  switch (outcome.kind) {
    case "refused":
      if (canHaveOtherWay(cause)) return later(recipient, cause, rules, context);
      return refused(record, recipient, recipient.state.attempts + 1, cause, context);
    case "deferred": {
      const isNotItsDoing = context.account !== undefined || (context.unavailable && isTargets(cause));
      return isNotItsDoing ? { ...recipient, lastCause: cause } : later(recipient, cause, rules, context);
    }
    case "unconfirmed":
      return { ...later(recipient, cause, rules, context), unconfirmed: recipient.unconfirmed + 1 };
  }
}

function canHaveOtherWay(cause: Cause): boolean {
  return cause.kind === "extension" && cause.missing === "REQUIRETLS";
}

function later(recipient: Recipient, cause: Cause, { retryMs }: OutboundRules, context: OutboundContext): Recipient {
  const attempts = recipient.state.kind === "queued" ? recipient.state.attempts + 1 : 1;
  const nextAttemptAt = context.now + retryDelayMs(retryMs, attempts, context.random);
  return { ...recipient, state: { kind: "queued", nextAttemptAt, attempts }, lastCause: cause };
}

function refused(
  { reversePath, origin }: MessageRecord,
  recipient: Recipient,
  attempts: number,
  cause: Cause,
  { now }: OutboundContext,
): Recipient {
  const isOurs = origin.kind === "local";
  if (reversePath.kind === "null" && !isOurs) {
    const hold = { reason: "refused", detail: causeText(cause), since: now } as const;
    return { ...recipient, state: { kind: "held", hold, attempts }, lastCause: cause };
  }
  return { ...recipient, state: { kind: "bounced", at: now, cause }, lastCause: cause };
}

/** What the sender is owed for these outcomes, and what is not owed any more. */
function withDebts(record: MessageRecord, settled: readonly Settled[], context: OutboundContext): MessageRecord {
  const changed = settled.filter(({ before, next }) => before.state !== next.state);
  const delivered = changed.filter(({ next }) => next.state.kind === "delivered");
  const bounced = changed.filter(({ next }) => next.state.kind === "bounced");
  const owed = (kind: OwedReport["kind"], which: readonly Settled[]): readonly Address[] =>
    addressesOf(which.filter(({ next }) => wantsReport(record, next, kind)));
  let next = notOwing(record, "delayed", addressesOf([...delivered, ...bounced]));
  next = notOwing(next, "failed", addressesOf(delivered));
  next = owing(next, "failed", owed("failed", bounced), context.now);
  return context.dsnPassedOn ? next : owing(next, "relayed", owed("relayed", delivered), context.now);
}

function addressesOf(settled: readonly Settled[]): readonly Address[] {
  return settled.map(({ next }) => next.address);
}
