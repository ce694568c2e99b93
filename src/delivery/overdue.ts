/**
 * What time makes of outbound mail that has not been delivered. Pure. Time counts from when it came in, or was last
 * released by a person.
 *
 *   queued ──delayNoticeMs──▶ queued, and a `delayed` report is owed, once
 *          ──giveUpMs───────▶ expired, and a `failed` report is owed (RFC 5321 §4.5.4.1)
 *                           ▶ held, where a bounce would be wrong: see below
 *
 * - No report is owed that the sender did not want (RFC 3461 §4.1), and none to the null reverse path.
 * - Trouble with an account at a relay bounces nothing, however long it lasts: the mail is held, as `sender-refused` or
 *   `gave-up`, and a person decides. So is submitted mail with the null reverse path, whose bounce would reach nobody.
 * - An attempt comes first. Mail that is due, and whose way is open, does not expire before it has been tried: after a week
 *   without power, or when the clock has jumped, everything is old and nothing has been tried.
 */
import type { Address } from "../core/address.ts";
import type { HoldReason } from "../core/hold.ts";
import { causeText, type Cause } from "../core/outcome.ts";
import type { EpochMs } from "../core/ports.ts";
import { type MessageRecord, type Recipient, wantsReport } from "../spool/record.ts";
import { accountTrouble } from "./account-trouble.ts";
import { notOwing, owing } from "./owed.ts";
import type { AccountTrouble } from "./transport.ts";

export interface OverdueRules {
  /** After so long the sender is told that the mail is late. */
  readonly delayNoticeMs: number;
  /** After so long there are no more attempts. */
  readonly giveUpMs: number;
}

/** Why a recipient is not tried now. */
export interface Hindrance {
  readonly cause: Cause;
  /** The trouble is our account's at the relay; `sender` also when no relay takes mail from this sender at all. */
  readonly account?: AccountTrouble | undefined;
}

/**
 * What keeps a recipient of this message from being tried: all its ways are down or paused, it has none, or we fail at it
 * ourselves. `undefined` when a way is open, and it will be tried once it is due.
 */
export type HindranceOf = (record: MessageRecord, recipient: Recipient) => Hindrance | undefined;

/** The record with what is due by now; the same record when nothing is. Without `hindranceOf` age alone decides. */
export function overdue(
  record: MessageRecord,
  now: EpochMs,
  rules: OverdueRules,
  hindranceOf?: HindranceOf,
): MessageRecord {
  if (record.direction !== "outbound" || record.hold !== undefined) return record;
  const waiting = now - (record.queuedSince ?? record.receivedAt);
  if (waiting < Math.min(rules.delayNoticeMs, rules.giveUpMs)) return record;
  const expired: Address[] = [];
  const late: Address[] = [];
  const over: Address[] = [];
  const recipients = record.recipients.map((recipient) => {
    if (recipient.state.kind !== "queued") return recipient;
    if (waiting >= rules.giveUpMs) {
      const next = givenUp(record, recipient, now, hindranceOf);
      if (next !== undefined) {
        over.push(next.address);
        if (next.state.kind === "expired" && wantsReport(record, next, "failed")) expired.push(next.address);
        return next;
      }
    }
    if (waiting < rules.delayNoticeMs || recipient.delayNoticeAt !== undefined) return recipient;
    if (!wantsReport(record, recipient, "delayed")) return recipient;
    late.push(recipient.address);
    return { ...recipient, delayNoticeAt: now };
  });
  if (over.length === 0 && late.length === 0) return record;
  const next = owing(notOwing({ ...record, recipients }, "delayed", over), "failed", expired, now);
  return owing(next, "delayed", late, now);
}

/** `undefined` while an attempt is to come first. */
function givenUp(
  record: MessageRecord,
  recipient: Recipient,
  now: EpochMs,
  hindranceOf: HindranceOf | undefined,
): Recipient | undefined {
  const { reversePath, origin } = record;
  const { state, lastCause } = recipient;
  if (state.kind !== "queued") return undefined;
  const hindrance = hindranceOf?.(record, recipient);
  if (hindranceOf !== undefined && hindrance === undefined && state.nextAttemptAt <= now) return undefined;
  const account = hindrance?.account ?? (lastCause === undefined ? undefined : accountTrouble(lastCause));
  const cause = (hindrance?.account === undefined ? lastCause : undefined) ?? hindrance?.cause ?? neverTried;
  const held = (reason: HoldReason): Recipient => {
    const hold = { reason, detail: causeText(cause), since: now };
    return { ...recipient, state: { kind: "held", hold, attempts: state.attempts }, lastCause: cause };
  };
  if (account !== undefined) return held(account === "sender" ? "sender-refused" : "gave-up");
  if (reversePath.kind === "null" && origin.kind !== "local") return held("gave-up");
  return { ...recipient, state: { kind: "expired", at: now, cause }, lastCause: cause };
}

const neverTried: Cause = { kind: "internal", message: "there was no way to try it" };
