/**
 * What a transaction's outcomes make of a record. Pure.
 *
 *   delivered    → delivered
 *   deferred     → queued again, later; held as `gave-up` when the message is older than `giveUpMs`. When the target as a
 *                  whole was not to be had, it stays due and no attempt is counted: the destination's own back-off
 *                  says when
 *   unconfirmed  → queued again, later, and counted: it may have been taken
 *   refused      → held, or given to another address, as configured; held as `cannot-convert` when the target lacks an
 *                  extension that this message needs
 *
 * A recipient that is not queued any more (somebody has acted meanwhile) is left as it is, unless it was delivered: that
 * has happened, whatever was decided.
 */
import { addressKey, type Address } from "../core/address.ts";
import type { Hold, HoldReason } from "../core/hold.ts";
import { causeText, replyText, type Cause, type Outcome } from "../core/outcome.ts";
import type { EpochMs, Random } from "../core/ports.ts";
import { queuedRecipient, type Attempt, type MessageRecord, type Recipient } from "../spool/record.ts";
import { retryDelayMs } from "./retry.ts";
import type { RecipientOutcome } from "./transport.ts";

export interface SettleRules {
  /** Pauses between attempts. */
  readonly retryMs: readonly number[];
  readonly giveUpMs: number;
  readonly onReject: { readonly kind: "hold" } | { readonly kind: "redirect"; readonly to: Address };
}

export interface SettleContext {
  readonly now: EpochMs;
  readonly random: Random;
  readonly destination: string;
  /** The target as a whole was not to be had. */
  readonly unavailable: boolean;
}

const attemptsKept = 20;

export function settle(
  record: MessageRecord,
  results: readonly RecipientOutcome[],
  rules: SettleRules,
  context: SettleContext,
): MessageRecord {
  const outcomes = new Map(results.map(({ recipient, outcome }) => [recipient, outcome]));
  const recipients = record.recipients.map((recipient) => {
    const outcome = outcomes.get(recipient.address);
    return outcome === undefined ? recipient : settleOne(record, recipient, outcome, rules, context);
  });
  return {
    ...record,
    recipients: withRedirect(recipients, results, rules, context),
    attempts: attemptsWith(record, results, context),
  };
}

/** The message's attempts and this one, with what came of it in words. */
export function attemptsWith(
  { attempts }: MessageRecord,
  results: readonly RecipientOutcome[],
  { now, destination }: SettleContext,
): readonly Attempt[] {
  const attempt: Attempt = {
    at: now,
    destination,
    recipients: results.map(({ recipient }) => recipient),
    text: [...new Set(results.map(({ outcome }) => outcomeText(outcome)))].join("; ").slice(0, 2000),
  };
  return [...attempts, attempt].slice(-attemptsKept);
}

/** The message cannot be read back from the spool: everything that is still queued waits for a person. */
export function settleDamaged(record: MessageRecord, detail: string, now: EpochMs): MessageRecord {
  const recipients = record.recipients.map((recipient) =>
    recipient.state.kind === "queued" ? held(recipient, "damaged", detail, now, recipient.lastCause) : recipient,
  );
  return { ...record, recipients };
}

function settleOne(
  record: MessageRecord,
  recipient: Recipient,
  outcome: Outcome,
  rules: SettleRules,
  context: SettleContext,
): Recipient {
  const { now } = context;
  if (outcome.kind === "delivered")
    return { ...recipient, state: { kind: "delivered", at: now, reply: outcome.reply } };
  if (recipient.state.kind !== "queued") return recipient;
  const { cause } = outcome;
  switch (outcome.kind) {
    case "refused":
      if (cause.kind === "extension") return held(recipient, "cannot-convert", causeText(cause), now, cause);
      if (rules.onReject.kind === "redirect" && addressKey(rules.onReject.to) !== addressKey(recipient.address))
        return {
          ...recipient,
          state: { kind: "dropped", at: now, by: redirectedTo(rules.onReject.to) },
          lastCause: cause,
        };
      return held(recipient, "refused", causeText(cause), now, cause);
    case "deferred":
      return deferred(record, recipient, cause, rules, context);
    case "unconfirmed":
      return { ...deferred(record, recipient, cause, rules, context), unconfirmed: recipient.unconfirmed + 1 };
  }
}

function deferred(
  record: MessageRecord,
  recipient: Recipient,
  cause: Cause,
  rules: SettleRules,
  { now, random, unavailable }: SettleContext,
): Recipient {
  if (recipient.state.kind !== "queued") return recipient;
  // Counted from the time it became due for delivery: a message that was held for weeks starts anew.
  const waiting = now - (record.queuedSince ?? record.receivedAt);
  if (waiting >= rules.giveUpMs) return held(recipient, "gave-up", causeText(cause), now, cause);
  if (unavailable && isTargets(cause)) return { ...recipient, lastCause: cause };
  const attempts = recipient.state.attempts + 1;
  const nextAttemptAt = now + retryDelayMs(rules.retryMs, attempts, random);
  return { ...recipient, state: { kind: "queued", nextAttemptAt, attempts }, lastCause: cause };
}

/**
 * Trouble of the target: before MAIL no message can have caused it, and back pressure is about all of them. A connection
 * that is lost from MAIL on may be this very message's doing: it is postponed like any other.
 */
export function isTargets(cause: Cause): boolean {
  if (cause.kind === "tls") return true;
  if (cause.kind !== "connection" && cause.kind !== "reply") return false;
  if (cause.kind === "reply" && /^4\.3\.[12]$/u.test(cause.reply.enhanced ?? "")) return true;
  return ["connect", "greeting", "ehlo", "starttls", "auth"].includes(cause.phase);
}

function held(
  recipient: Recipient,
  reason: HoldReason,
  detail: string,
  now: EpochMs,
  cause: Cause | undefined,
): Recipient {
  const hold: Hold = { reason, detail, since: now };
  const attempts = recipient.state.kind === "queued" ? recipient.state.attempts + 1 : 0;
  return { ...recipient, state: { kind: "held", hold, attempts }, lastCause: cause };
}

/** The address that refused mail goes to, unless it has had this message already or is to have it. */
function withRedirect(
  recipients: readonly Recipient[],
  results: readonly RecipientOutcome[],
  { onReject }: SettleRules,
  { now }: SettleContext,
): readonly Recipient[] {
  if (onReject.kind !== "redirect") return recipients;
  const key = addressKey(onReject.to);
  const refused = results.some(
    ({ recipient, outcome }) =>
      outcome.kind === "refused" && outcome.cause.kind !== "extension" && addressKey(recipient) !== key,
  );
  if (!refused || recipients.some(({ address }) => addressKey(address) === key)) return recipients;
  return [...recipients, queuedRecipient(onReject.to, now)];
}

function redirectedTo(address: Address): string {
  return `on_reject: redirected to ${address}`;
}

function outcomeText(outcome: Outcome): string {
  return outcome.kind === "delivered" ? replyText(outcome.reply) : `${outcome.kind}: ${causeText(outcome.cause)}`;
}
