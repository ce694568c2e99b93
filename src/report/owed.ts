/** Striking off what a report has told. Pure. */
import { addressKey, type Address } from "../core/address.ts";
import type { MessageRecord } from "../spool/record.ts";
import type { ReportKind } from "./report-facts.ts";

/** What is about to be reported is owed no more, or not all of it: somebody else has reported it meanwhile. */
export class NoLongerOwed extends Error {
  override readonly name = "NoLongerOwed";
}

/**
 * The record without these recipients of that kind of report. What has come to be owed meanwhile stays. Throws
 * `NoLongerOwed` when one of them is not owed any more, so that the transaction that would tell him twice fails.
 */
export function without(record: MessageRecord, kind: ReportKind, told: readonly Address[]): MessageRecord {
  const keys = new Set(told.map(addressKey));
  const missing = new Set(keys);
  const owed = (record.owed ?? []).flatMap((entry) => {
    if (entry.kind !== kind) return [entry];
    for (const address of entry.recipients) missing.delete(addressKey(address));
    const recipients = entry.recipients.filter((address) => !keys.has(addressKey(address)));
    return recipients.length === 0 ? [] : [{ ...entry, recipients }];
  });
  if (missing.size > 0) throw new NoLongerOwed(`${record.id}: a ${kind} report is owed no more`);
  return { ...record, owed };
}
