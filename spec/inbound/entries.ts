/** Short ways to write ledger entries and listings in tables. */
import type { MessageId } from "../../src/core/ids.ts";
import type { Listing } from "../../src/pop3/port.ts";
import type { LedgerEntry } from "../../src/spool/port.ts";

export const t0 = Date.UTC(2026, 10, 24, 8);
export const minute = 60_000;
export const hour = 60 * minute;
export const day = 24 * hour;

/** An entry of a message that was brought in; its digest is made from its id unless given. */
export function entry(uidl: string, more: Partial<LedgerEntry> = {}): LedgerEntry {
  return {
    uidl,
    listSize: 100,
    digest: `digest of ${uidl}`,
    contentDigest: `content of ${uidl}`,
    recipientsKey: "a@firma.example",
    messageId: `M${uidl}` as MessageId,
    fetchedAt: t0 - day,
    state: "present",
    since: t0 - day,
    skipped: undefined,
    failures: 0,
    ...more,
  };
}

/** An entry of a message that was never fetched. */
export function skipped(uidl: string, why: NonNullable<LedgerEntry["skipped"]>, more: Partial<LedgerEntry> = {}) {
  return entry(uidl, {
    digest: "",
    contentDigest: "",
    recipientsKey: "",
    messageId: undefined,
    skipped: why,
    ...more,
  });
}

/** `["a", 100]`: unique id and size, numbered from 1. */
export function listing(
  ...messages: readonly (readonly [uidl: string | undefined, size?: number | undefined])[]
): Listing {
  return {
    hasUidl: messages.some(([uidl]) => uidl !== undefined) || messages.length === 0,
    messages: messages.map(([uidl, size], index) => ({ number: index + 1, uidl, size: size ?? 100 })),
  };
}
