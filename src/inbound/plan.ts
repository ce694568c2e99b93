/**
 * What a session is to do: listing × ledger × rules → actions. Pure.
 *
 * Guarantees
 * - A message that the ledger knows as brought in is fetched again only to be compared (it came back after it was gone,
 *   or its size changed), never to be delivered again.
 * - Nothing is deleted that was not brought in. A unique id that stands for several messages decides nothing: each is
 *   fetched and told apart by its octets.
 * - Only a complete listing (every line with its unique id) turns entries to `gone`.
 *
 * Order of fetching: the oldest first, as people expect it, which in a POP3 listing is by number; then what is only
 * fetched to be compared; then what has failed before, the fewest failures first, so that a message on which the
 * session breaks cannot keep back any other.
 *
 * States of a ledger entry: see `spool/port.ts`. RFC 1939 §7 (UIDL), §6 (deletions take effect in the UPDATE state).
 */
import type { MessageId } from "../core/ids.ts";
import type { EpochMs } from "../core/ports.ts";
import type { ListedMessage, Listing } from "../pop3/port.ts";
import type { LedgerEntry } from "../spool/port.ts";
import type {
  BoxNotice,
  DeleteAction,
  FetchAction,
  FetchReason,
  LeaveAction,
  PlanRules,
  SessionPlan,
} from "./actions.ts";
import { mayDelete, type KeepRule } from "./keep.ts";
import { isMadeId, sameSize, skippedEntry, unnamedKey } from "./ledger-entry.ts";
import { isLeftAlone } from "./unfetchable.ts";

interface Draft {
  readonly fetches: FetchAction[];
  readonly deletes: DeleteAction[];
  readonly leaves: LeaveAction[];
  readonly ledger: LedgerEntry[];
  readonly forget: string[];
  readonly notices: BoxNotice[];
}

/** Plans a session. The order of `fetches` is the order in which they are to be fetched. */
export function planSession(listing: Listing, entries: readonly LedgerEntry[], rules: PlanRules): SessionPlan {
  const known = new Map(entries.map((entry) => [entry.uidl, entry]));
  const counts = countIds(listing.messages);
  const complete = listing.messages.every((message) => message.uidl !== undefined);
  const rebuilt = complete && isRebuilt(listing.messages, entries, known);
  const draft: Draft = { fetches: [], deletes: [], leaves: [], ledger: [], forget: [], notices: [] };
  const initials =
    rebuilt || rules.rebuildingSince !== undefined
      ? unlistedInitials(entries, counts, rules)
      : new Map<number, LedgerEntry[]>();
  for (const message of listing.messages) {
    if (message.uidl === undefined) planUnnamed(message, undefined, "no-uidl", rules, draft);
    else if ((counts.get(message.uidl) ?? 0) > 1) planDuplicate(message, message.uidl, known, rules, draft);
    else planNamed(message, message.uidl, known.get(message.uidl), initials, rules, draft);
  }
  draft.ledger.push(...distrusted(entries, counts, rules));
  const replaced = new Set(draft.forget);
  if (complete) {
    for (const entry of entries) {
      if (entry.state === "gone" || counts.has(entry.uidl) || replaced.has(entry.uidl)) continue;
      // A made id says nothing about a unique id of the listing: `fetch` settles it once all has been seen.
      if (isMadeId(entry.uidl) && listing.messages.length > 0) continue;
      draft.ledger.push({ ...entry, state: "gone", since: rules.now });
    }
  }
  return { ...draft, fetches: inOrder(draft.fetches), rebuilt, complete: complete && isUnique(counts) };
}

/** Ids of spooled messages whose end decides about a deletion under `until-delivered`. */
export function awaitedMessages(listing: Listing, entries: readonly LedgerEntry[], keep: KeepRule): MessageId[] {
  if (keep.kind !== "until-delivered") return [];
  const listed = new Set(listing.messages.map((message) => message.uidl));
  const ids: MessageId[] = [];
  for (const entry of entries) {
    if (entry.messageId !== undefined && entry.state !== "gone" && listed.has(entry.uidl)) ids.push(entry.messageId);
  }
  return ids;
}

function countIds(messages: readonly ListedMessage[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { uidl } of messages) if (uidl !== undefined) counts.set(uidl, (counts.get(uidl) ?? 0) + 1);
  return counts;
}

/**
 * Entries whose unique id stands for several messages now. Should one of them be listed alone later, it must be read
 * before it is taken for the one that the entry knows: `gone` sees to that.
 */
function distrusted(
  entries: readonly LedgerEntry[],
  counts: ReadonlyMap<string, number>,
  { now }: PlanRules,
): LedgerEntry[] {
  return entries
    .filter(({ uidl, state, skipped }) => (counts.get(uidl) ?? 0) > 1 && state !== "gone" && skipped !== "initial")
    .map((entry) => ({ ...entry, state: "gone", since: now }));
}

function isUnique(counts: ReadonlyMap<string, number>): boolean {
  for (const count of counts.values()) if (count > 1) return false;
  return true;
}

/**
 * The listing shares no unique id with the ledger although messages should still be there. A wrong suspicion costs
 * nothing: messages are then compared with the ledger, and those it does not know are brought in as always.
 */
function isRebuilt(
  messages: readonly ListedMessage[],
  entries: readonly LedgerEntry[],
  known: ReadonlyMap<string, LedgerEntry>,
): boolean {
  if (messages.length === 0) return false;
  // Entries in `deleting` are missing in every ordinary listing: only `present` ones are to be expected.
  if (!entries.some((entry) => entry.state === "present" && !isMadeId(entry.uidl))) return false;
  return messages.every((message) => message.uidl === undefined || !known.has(message.uidl));
}

/** Entries of old mail that is not to be fetched, by size. */
type Initials = Map<number, LedgerEntry[]>;

/** Messages that were never to be fetched have no digest; in a rebuilt box they can be known by their size alone. */
function unlistedInitials(
  entries: readonly LedgerEntry[],
  counts: ReadonlyMap<string, number>,
  rules: PlanRules,
): Initials {
  const initials = entries.filter(
    (entry) => entry.skipped === "initial" && !counts.has(entry.uidl) && wasThere(entry, rules.rebuildingSince),
  );
  return Map.groupBy(initials, (entry) => entry.listSize);
}

/** True for entries whose messages were in the box when it was found rebuilt. */
export function wasThere(entry: LedgerEntry, rebuildingSince: EpochMs | undefined): boolean {
  return entry.state !== "gone" || (rebuildingSince !== undefined && entry.since >= rebuildingSince);
}

function planDuplicate(
  message: ListedMessage,
  uidl: string,
  known: ReadonlyMap<string, LedgerEntry>,
  rules: PlanRules,
  draft: Draft,
): void {
  draft.notices.push({
    uidl,
    detail: "the server gives this unique id to several messages; they are told apart by content",
  });
  const entry = known.get(uidl);
  if (entry?.skipped === "initial") {
    draft.leaves.push({ number: message.number, why: "initial" });
  } else if (rules.firstContact && rules.initial === "new") {
    draft.leaves.push({ number: message.number, why: "initial" });
    draft.ledger.push(skippedEntry(message, uidl, "initial", rules.now));
  } else planUnnamed(message, uidl, "duplicate-uidl", rules, draft);
}

function planUnnamed(
  message: ListedMessage,
  uidl: string | undefined,
  reason: "no-uidl" | "duplicate-uidl",
  rules: PlanRules,
  draft: Draft,
): void {
  const { number, size } = message;
  if (size !== undefined && size > rules.maxOctets) {
    draft.leaves.push({ number, why: "oversize" });
    draft.notices.push({ uidl: uidl ?? `number ${number}`, detail: oversizeDetail(size, rules.maxOctets) });
    return;
  }
  const broken = rules.brokenUnnamed.get(unnamedKey(message));
  const failures = broken?.failures ?? 0;
  if (broken !== undefined && isLeftAlone(broken.at, failures, rules.now))
    draft.leaves.push({ number, why: "unfetchable" });
  else draft.fetches.push({ number, size, uidl: undefined, reason, known: undefined, failures });
}

function planNamed(
  message: ListedMessage,
  uidl: string,
  entry: LedgerEntry | undefined,
  initials: Initials,
  rules: PlanRules,
  draft: Draft,
): void {
  if (entry === undefined) planUnknown(message, uidl, initials, rules, draft);
  else if (entry.skipped !== undefined) planSkipped(message, uidl, entry, rules, draft);
  else planBroughtIn(message, uidl, entry, rules, draft);
}

function planUnknown(message: ListedMessage, uidl: string, initials: Initials, rules: PlanRules, draft: Draft): void {
  if (rules.firstContact && rules.initial === "new") {
    draft.leaves.push({ number: message.number, why: "initial" });
    draft.ledger.push(skippedEntry(message, uidl, "initial", rules.now));
    return;
  }
  const initial = message.size === undefined ? undefined : initials.get(message.size)?.shift();
  if (initial !== undefined) {
    draft.leaves.push({ number: message.number, why: "initial" });
    draft.ledger.push({ ...initial, uidl, state: "present", since: rules.now });
    draft.forget.push(initial.uidl);
    return;
  }
  planFetch(message, uidl, undefined, "new", rules, draft);
}

function planSkipped(message: ListedMessage, uidl: string, entry: LedgerEntry, rules: PlanRules, draft: Draft): void {
  const { number, size } = message;
  const same = sameSize(entry, size);
  if (entry.state === "gone" && !same) {
    // Nothing was ever fetched under this id, and this is another message.
    planFetch(message, uidl, undefined, "new", rules, draft);
    return;
  }
  if (entry.state === "gone") draft.ledger.push({ ...entry, state: "present", since: rules.now });
  switch (entry.skipped) {
    case "oversize":
      // LIST may have said less than there was: what was counted while streaming is in the entry.
      if (Math.max(entry.listSize, size ?? 0) > rules.maxOctets) draft.leaves.push({ number, why: "oversize" });
      else planFetch(message, uidl, entry, "limit-raised", rules, draft);
      return;
    case "unfetchable":
      if (isLeftAlone(entry.fetchedAt, entry.failures, rules.now)) draft.leaves.push({ number, why: "unfetchable" });
      else planFetch(message, uidl, entry, "retry", rules, draft);
      return;
    default:
      draft.leaves.push({ number, why: "initial" });
  }
}

function planBroughtIn(message: ListedMessage, uidl: string, entry: LedgerEntry, rules: PlanRules, draft: Draft): void {
  if (entry.state === "gone" || !sameSize(entry, message.size)) {
    if (isLeftAlone(entry.since, entry.failures, rules.now))
      draft.leaves.push({ number: message.number, why: "unfetchable" });
    else planFetch(message, uidl, entry, entry.state === "gone" ? "returned" : "resized", rules, draft);
  } else if (mayDelete(rules.keep, entry, rules.ended, rules.now)) {
    const again = entry.state === "deleting";
    const deleting: LedgerEntry = again ? entry : { ...entry, state: "deleting", since: rules.now };
    if (!again) draft.ledger.push(deleting);
    draft.deletes.push({ number: message.number, entry: deleting, why: again ? "again" : "keep-over" });
  } else {
    // The rule was changed while a deletion was open: the message is still there, and is to stay.
    if (entry.state === "deleting") draft.ledger.push({ ...entry, state: "present", since: rules.now });
    draft.leaves.push({ number: message.number, why: "kept" });
  }
}

function planFetch(
  message: ListedMessage,
  uidl: string,
  known: LedgerEntry | undefined,
  reason: FetchReason,
  rules: PlanRules,
  draft: Draft,
): void {
  const { number, size } = message;
  if (size === undefined || size <= rules.maxOctets) {
    draft.fetches.push({ number, size, uidl, reason, known, failures: known?.failures ?? 0 });
    return;
  }
  draft.leaves.push({ number, why: "oversize" });
  draft.notices.push({ uidl, detail: oversizeDetail(size, rules.maxOctets) });
  // What was brought in under this id is not forgotten because something larger stands there now.
  if (known === undefined || known.digest === "") draft.ledger.push(skippedEntry(message, uidl, "oversize", rules.now));
}

export function oversizeDetail(octets: number, limit: number): string {
  return `${octets} octets are more than max_size (${limit}); it is left at the provider`;
}

function inOrder(fetches: readonly FetchAction[]): FetchAction[] {
  const rank = (action: FetchAction): number => {
    if (action.failures > 0) return 2;
    return action.reason === "returned" || action.reason === "resized" ? 1 : 0;
  };
  return fetches.toSorted((a, b) => rank(a) - rank(b) || a.failures - b.failures || a.number - b.number);
}
