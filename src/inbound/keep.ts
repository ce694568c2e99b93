/**
 * How long a message stays at the provider after it has been brought in. Pure.
 *
 * Guarantees: nothing is said to be deletable that is not in the spool (or known to be the copy of something that is),
 * and a message that was never fetched (`initial = "new"`, too large, unfetchable) is never deletable at all.
 * `until-delivered` waits for the *end* of the spooled message; a held message has not ended.
 */
import type { Capabilities } from "../pop3/port.ts";
import type { EpochMs } from "../core/ports.ts";
import type { MessageId } from "../core/ids.ts";
import type { LedgerEntry } from "../spool/port.ts";

export type KeepRule =
  /** Deleted as soon as it is in the spool. */
  | { readonly kind: "never" }
  /** Deleted once nothing is left to do about it: delivered, or settled by a person. */
  | { readonly kind: "until-delivered" }
  /** Deleted so long after it was fetched. */
  | { readonly kind: "for"; readonly ms: number }
  | { readonly kind: "forever" };

const dayMs = 86_400_000;

/** True when the entry's message may be deleted at the provider. `ended`: messages of the spool that have ended. */
export function mayDelete(
  rule: KeepRule,
  entry: Pick<LedgerEntry, "digest" | "messageId" | "fetchedAt" | "skipped">,
  ended: ReadonlySet<MessageId>,
  now: EpochMs,
): boolean {
  if (entry.digest === "" || entry.skipped !== undefined) return false;
  switch (rule.kind) {
    case "never":
      return true;
    case "until-delivered":
      // A copy of another message has no message of its own to wait for: the other copy is kept until it has ended.
      return entry.messageId === undefined || ended.has(entry.messageId);
    case "for":
      return now - entry.fetchedAt >= rule.ms;
    case "forever":
      return false;
  }
}

/** True when a message is to be deleted in the very session that brings it in. */
export function deletesAtOnce(rule: KeepRule): boolean {
  return rule.kind === "never" || (rule.kind === "for" && rule.ms <= 0);
}

/** What an administrator should know when the server deletes mail by age earlier than `keep` says (RFC 2449 §6.7). */
export function expireConflict(rule: KeepRule, capabilities: Capabilities): string | undefined {
  const expire = capabilities.expire;
  if (expire === undefined || expire.kind === "never") return undefined;
  const { ms, words } = wish(rule);
  if (ms <= expire.days * dayMs) return undefined;
  return `keep asks for mail to stay in the box ${words}, but the server deletes it after ${expire.days} day(s)`;
}

function wish(rule: KeepRule): { readonly ms: number; readonly words: string } {
  switch (rule.kind) {
    case "never":
      return { ms: 0, words: "for no time" };
    case "until-delivered":
      // EXPIRE 0 takes away what has been fetched with the end of the session.
      return { ms: 1, words: "until it is delivered" };
    case "for":
      return { ms: rule.ms, words: `for ${Math.round(rule.ms / dayMs)} days` };
    case "forever":
      return { ms: Infinity, words: "forever" };
  }
}
