/**
 * Keys and table layout of the spool, all in one place. Schema version 2 (`schema-steps.ts` has the earlier ones).
 *
 *   meta      schema → version, or `1 to 2` while it is being changed; about → which popgate wrote it (JSON);
 *             change → how far a change has come (JSON); probe → anything
 *   message   id → record (JSON): queued and held messages
 *   chunk     id/number → octets of a body
 *   ingest    id → "" while a body of several chunks is being written; what is left of it is swept at the next start
 *   due       time/id → "": inbound messages with a queued recipient, by their earliest attempt
 *   dueout    time/id → "": the same for outbound messages, so that neither direction hides the other
 *   held      id → "": messages that wait for a person, as a whole or in some recipient
 *   owed      id → "": messages whose sender is to have a report that has not been made yet
 *   history   id → record (JSON) of an ended message, without its body
 *   ended     time/id → "": the history by the time of its end, for pruning
 *   trash     id → "": ended messages whose chunks are still to be removed
 *   mid       digest of a Message-ID/id → "": queued and ended messages by that field
 *   seen      content digest/digest of a recipient → id: who has been given which content
 *   ledger    account/unique id → entry (JSON)
 *   state     account → whatever the account remembers (JSON); `.popgate` for popgate itself
 *   setaside  table/key → octets of an entry that could not be read
 */
import { createHash } from "node:crypto";
import type { AddressKey } from "../core/address.ts";
import type { AccountName, MessageId } from "../core/ids.ts";
import type { EpochMs } from "../core/ports.ts";

export const schemaVersion = 2;
export const schemaKey = "schema";
export const aboutKey = "about";
export const changeKey = "change";
export const probeKey = "probe";

/** LMDB's limit for a key is 1,978 octets; unique ids may be as long as a lying server likes. */
const longestUidlInKey = 400;

export function chunkKey(id: MessageId, number: number): string {
  return `${id}/${String(number).padStart(8, "0")}`;
}

export function timeKey(time: EpochMs, id: MessageId): string {
  return `${timePrefix(time)}/${id}`;
}

/** Sorts as the number does. */
export function timePrefix(time: EpochMs): string {
  return String(Math.max(0, Math.floor(time))).padStart(15, "0");
}

export function splitTimeKey(key: string): { readonly time: EpochMs; readonly id: string } {
  const slash = key.indexOf("/");
  return { time: Number(key.slice(0, slash)), id: key.slice(slash + 1) };
}

/** Everything below `prefix/`: from the first key (inclusive) to the second (exclusive). */
export function below(prefix: string): readonly [from: string, to: string] {
  return [`${prefix}/`, `${prefix}0`];
}

/** The first key after `key`. */
export function after(key: string): string {
  return `${key}\u0001`;
}

export function midPrefix(messageId: string): string {
  const bare = messageId.trim().replace(/^<|>$/gu, "");
  return createHash("sha256").update(bare).digest("hex").slice(0, 40);
}

export function midKey(messageId: string, id: MessageId): string {
  return `${midPrefix(messageId)}/${id}`;
}

export function seenKey(contentDigest: string, recipient: AddressKey): string {
  return `${contentDigest}/${createHash("sha256").update(recipient).digest("hex").slice(0, 40)}`;
}

export function ledgerKey(account: AccountName, uidl: string): string {
  const short = uidl.length <= longestUidlInKey && !uidl.startsWith("#");
  return `${account}/${short ? uidl : `#${createHash("sha256").update(uidl).digest("hex")}`}`;
}
