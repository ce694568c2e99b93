/**
 * What the sender of an outbound message is to be told (RFC 3461 §4.1, §5.2), and the debts that follow from it. Pure.
 *
 * - The null reverse path is told nothing: there is never a report about a report (RFC 5321 §4.5.5).
 * - Without NOTIFY, failures and delays are told; with it, exactly what it lists.
 * - A record has at most one debt of each kind: what is added later joins it until its report has been made. Whoever makes
 *   a report takes away the recipients that it told of, and leaves those that have joined meanwhile.
 */
import type { Address } from "../core/address.ts";
import type { EpochMs } from "../core/ports.ts";
import type { MessageRecord, OwedReport } from "../spool/record.ts";

/** The record that owes a report of this kind about these recipients, beside what it owed before. */
export function owing(
  record: MessageRecord,
  kind: OwedReport["kind"],
  recipients: readonly Address[],
  now: EpochMs,
): MessageRecord {
  if (recipients.length === 0) return record;
  const owed = record.owed ?? [];
  const before = owed.find((entry) => entry.kind === kind);
  const entry: OwedReport = {
    kind,
    recipients: [...new Set([...(before?.recipients ?? []), ...recipients])],
    since: before?.since ?? now,
  };
  return {
    ...record,
    owed: before === undefined ? [...owed, entry] : owed.map((one) => (one === before ? entry : one)),
  };
}

/** The record without debts of this kind about these recipients: they have been paid, or what they were for is over. */
export function notOwing(
  record: MessageRecord,
  kind: OwedReport["kind"],
  recipients: readonly Address[],
): MessageRecord {
  const gone = new Set(recipients);
  const owed = record.owed ?? [];
  if (!owed.some((entry) => entry.kind === kind && entry.recipients.some((one) => gone.has(one)))) return record;
  const left = owed.flatMap((entry) => {
    if (entry.kind !== kind) return [entry];
    const rest = entry.recipients.filter((one) => !gone.has(one));
    return rest.length === 0 ? [] : [{ ...entry, recipients: rest }];
  });
  return { ...record, owed: left };
}
