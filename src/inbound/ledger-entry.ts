/**
 * Ledger entries as the collector makes them, and their ids: the server's unique id, or one made from the digest of the
 * message where the server gives none of its own (no UIDL, or one id for several messages).
 */
import type { EpochMs } from "../core/ports.ts";
import type { ListedMessage } from "../pop3/port.ts";
import type { LedgerEntry } from "../spool/port.ts";

/** With 64 hex digits longer than the 70 characters a unique id may have (RFC 1939 §7): the two cannot be confused. */
const madePrefix = "digest:";

export function madeId(digest: string): string {
  return madePrefix + digest;
}

export function isMadeId(uidl: string): boolean {
  return uidl.startsWith(madePrefix) && uidl.length === madePrefix.length + 64;
}

/** Recognises, from one session to the next, a message that has no id: nothing better is known before it is read. */
export function unnamedKey(message: Pick<ListedMessage, "number" | "size">): string {
  return `${message.number}/${message.size ?? "?"}`;
}

/** Sizes agree, or one of the two is not known (the ledger then has 0). */
export function sameSize(entry: Pick<LedgerEntry, "listSize">, size: number | undefined): boolean {
  return size === undefined || entry.listSize === 0 || entry.listSize === size;
}

/** An entry for a message that is left at the provider unread. */
export function skippedEntry(
  message: Pick<ListedMessage, "size">,
  uidl: string,
  skipped: NonNullable<LedgerEntry["skipped"]>,
  now: EpochMs,
): LedgerEntry {
  return {
    uidl,
    listSize: message.size ?? 0,
    digest: "",
    contentDigest: "",
    recipientsKey: "",
    messageId: undefined,
    fetchedAt: now,
    state: "present",
    since: now,
    skipped,
    failures: 0,
  };
}
