/**
 * Brings single messages of one session into the spool: reads the body, decides for whom it is, commits it together with
 * its ledger entry, and says whether it may now be deleted at the provider.
 *
 * Guarantees: `settle` resolves to "delete" only after the message, or what makes it superfluous, is durable. A body
 * that breaks off leaves nothing behind. Memory per message is one chunk and its header block.
 * Fails with what the body fails with (`Pop3Error`) or with `SpoolError`; both end the session.
 */
import { addressKey } from "../core/address.ts";
import type { EventSink } from "../core/events.ts";
import type { AccountName } from "../core/ids.ts";
import type { Clock } from "../core/ports.ts";
import type { Decision } from "../message/decision.ts";
import { examine, type Examined } from "../message/examine.ts";
import type { CollectorPolicy, EnvelopePolicy } from "../message/policy.ts";
import { heldIfReturned, type OwnNames, type RelayedMessage } from "../message/returned.ts";
import type { CommitResult, Ingest, Inspection, Intake, Ledger, LedgerEntry, Queue } from "../spool/port.ts";
import type { MessageDraft, MessageRecord } from "../spool/record.ts";
import { messageDraft, recipientsKey } from "./draft.ts";
import type { Guide } from "./envelope.ts";
import { givenBefore } from "./given-before.ts";
import { deletesAtOnce, mayDelete, type KeepRule } from "./keep.ts";
import { madeId, skippedEntry, unnamedKey } from "./ledger-entry.ts";
import type { FetchAction } from "./actions.ts";
import { oversizeDetail } from "./plan.ts";
import { relayedBefore } from "./relayed-before.ts";
import type { Fingerprint, Recogniser } from "./recognise.ts";
import type { Tally } from "./tally.ts";
import { failedEntry, failuresBeforeNotice, type FailureCount } from "./unfetchable.ts";

export interface IntakeContext {
  readonly account: AccountName;
  readonly spool: Intake & Ledger & Pick<Queue & Inspection, "load" | "history" | "byMessageIdField">;
  readonly clock: Clock;
  readonly events: EventSink;
  /** The decider as it stands: it changes when a profile is learnt. */
  readonly guide: () => Guide;
  /** By what mail of our own is known that comes back. */
  readonly own: OwnNames;
  readonly keep: KeepRule;
  readonly maxOctets: number;
  readonly maxHeaderOctets: number;
  readonly recogniser: Recogniser;
  /** Our Received field for a message that is received now. */
  readonly received: (id: string) => string;
  readonly tally: Tally;
  /** Messages without an id that could not be fetched, by `unnamedKey`. Changed in place. */
  readonly brokenUnnamed: Map<string, FailureCount>;
}

/** A message that has been read to its end and waits to be settled. Whoever does not settle it disposes of its ingest. */
interface ReadMessage {
  readonly action: FetchAction;
  readonly ingest: Ingest;
  readonly examined: Examined;
  readonly digest: string;
  /** The messages of our own that it may be. */
  readonly relayed: readonly RelayedMessage[];
}

type ReadResult =
  | { readonly kind: "read"; readonly message: ReadMessage }
  /** Larger than allowed, whatever LIST said; its rest has not been read. */
  | { readonly kind: "oversize"; readonly octets: number };

type Settled = "delete" | "leave";

export interface MessageIntake {
  read(action: FetchAction, body: AsyncIterable<Buffer>): Promise<ReadResult>;
  /** Call in the order of reading; several may be under way at once. */
  settle(message: ReadMessage): Promise<Settled>;
  /** The server will not hand it over, or the session broke on it. */
  failed(action: FetchAction, detail: string): Promise<void>;
  /** It was found too large while it was read. */
  oversize(action: FetchAction, octets: number): Promise<void>;
  /** Ids made from digests that this session has come upon. */
  readonly seenMadeIds: ReadonlySet<string>;
  /** Ids whose entries have been moved to another id. */
  readonly moved: ReadonlySet<string>;
}

export function createIntake(context: IntakeContext): MessageIntake {
  const seenMadeIds = new Set<string>();
  const moved = new Set<string>();
  /** Commits under way of messages without an id, by digest: an equal one that follows must wait for the outcome. */
  const pending = new Map<string, Promise<Settled>>();
  return {
    seenMadeIds,
    moved,
    read: (action, body) => readMessage(context, action, body),
    settle(message) {
      const decision = decideOn(context, message);
      if (decision === undefined) return setAside(context, message);
      if (message.action.uidl !== undefined)
        return settleMessage(context, message, message.action.uidl, decision, moved);
      const id = madeId(message.digest);
      seenMadeIds.add(id);
      const before = pending.get(message.digest);
      const settled = settleAfter(before, () => settleMessage(context, message, id, decision, moved));
      pending.set(message.digest, settled);
      return settled;
    },
    failed: (action, detail) => noteFailure(context, action, detail),
    async oversize(action, octets) {
      const { account, spool, clock, events, maxOctets } = context;
      const name = action.uidl ?? `number ${action.number}`;
      events.emit({ kind: "box-notice", account, uidl: name, detail: oversizeDetail(octets, maxOctets) });
      const known = action.known !== undefined && action.known.digest !== "";
      if (action.uidl === undefined) noteBrokenUnnamed(context, action);
      else if (known) await spool.put(account, [failedEntry({ ...action, uidl: action.uidl }, clock.now())]);
      else await spool.put(account, [skippedEntry({ size: octets }, action.uidl, "oversize", clock.now())]);
    },
  };
}

/**
 * A fault of our own in reading a header must not block the box: the message is left at the provider, counted and
 * reported like one that cannot be fetched, and the rest goes on.
 */
function decideOn({ guide, own, events }: IntakeContext, message: ReadMessage): Decision | undefined {
  const { action, examined, relayed } = message;
  try {
    return heldIfReturned(guide().decide(examined.header, examined.headerTooLarge), examined.header, relayed, own);
  } catch (error) {
    const where = `finding the recipients of ${action.uidl ?? `number ${action.number}`}`;
    events.emit({ kind: "internal-error", where, detail: String(error) });
    return undefined;
  }
}

async function setAside(context: IntakeContext, message: ReadMessage): Promise<Settled> {
  await message.ingest[Symbol.asyncDispose]();
  await noteFailure(context, message.action, "internal error while finding its recipients");
  return "leave";
}

/** Settles once the one before has been; if that failed, the session is over and this one fails too. */
async function settleAfter(before: Promise<Settled> | undefined, settle: () => Promise<Settled>): Promise<Settled> {
  await before;
  return settle();
}

async function readMessage(
  context: IntakeContext,
  action: FetchAction,
  body: AsyncIterable<Buffer>,
): Promise<ReadResult> {
  // Not committed when this scope is left by an error: disposing it leaves nothing behind.
  await using scope = new AsyncDisposableStack();
  const ingest = scope.use(context.spool.begin());
  const examination = examine({ maxHeader: context.maxHeaderOctets });
  let octets = 0;
  for await (const chunk of body) {
    octets += chunk.length;
    if (octets > context.maxOctets) return { kind: "oversize", octets };
    examination.push(chunk);
    await ingest.write(chunk);
  }
  const examined = examination.finish();
  // Asked here, where one message is read after the other: `settle` decides at once, in their order.
  const relayed = await relayedBefore(context.spool, examined.header, context.own.hostname);
  scope.move();
  context.tally.octets += octets;
  return { kind: "read", message: { action, ingest, examined, digest: ingest.digest(), relayed } };
}

async function settleMessage(
  context: IntakeContext,
  message: ReadMessage,
  id: string,
  decision: Decision,
  moved: Set<string>,
): Promise<Settled> {
  const print: Fingerprint = {
    digest: message.digest,
    contentDigest: message.examined.contentDigest,
    recipientsKey: recipientsKey(decision),
    identified: message.examined.summary.messageId !== "" || message.examined.summary.date !== "",
  };
  const known = context.recogniser.claim(message.action, print);
  if (known !== undefined) {
    await message.ingest[Symbol.asyncDispose]();
    if (known.uidl !== id) moved.add(known.uidl);
    return settleKnown(context, message, id, known);
  }
  return commitMessage(context, message, id, decision, print);
}

/** Nothing new: the entry moves to the id that the message has now, and the keep rule decides. */
async function settleKnown(
  context: IntakeContext,
  { action, ingest, digest }: ReadMessage,
  id: string,
  known: LedgerEntry,
): Promise<Settled> {
  const { account, spool, clock, keep, recogniser, tally } = context;
  const now = clock.now();
  // Whether the spooled message has ended is asked by the plan of the next session.
  const deletes = mayDelete(keep, known, new Set(), now);
  const state = deletes ? "deleting" : "present";
  const listSize = action.size ?? ingest.size;
  const entry: LedgerEntry = { ...known, uidl: id, listSize, digest, state, since: now, failures: 0 };
  await spool.put(account, [entry]);
  if (known.uidl !== id) await spool.forget(account, [known.uidl]);
  recogniser.remember(entry);
  tally.recognised++;
  return deletes ? "delete" : "leave";
}

async function commitMessage(
  context: IntakeContext,
  message: ReadMessage,
  id: string,
  decision: Decision,
  print: Fingerprint,
): Promise<Settled> {
  const { account, clock, keep, guide, recogniser, tally, events } = context;
  await using ingest = message.ingest;
  const now = clock.now();
  const { examined, action } = message;
  const draft = messageDraft({ account, uidl: id, examined, decision, received: context.received(ingest.id), now });
  const deletes = deletesAtOnce(keep);
  const entry: Omit<LedgerEntry, "digest" | "messageId"> = {
    uidl: id,
    listSize: action.size ?? 0,
    contentDigest: print.contentDigest,
    recipientsKey: print.recipientsKey,
    fetchedAt: now,
    // Set in the same transaction: a crash between this commit and QUIT finds the deletion already decided.
    state: deletes ? "deleting" : "present",
    since: now,
    skipped: undefined,
    failures: 0,
  };
  // Promise 1: body, envelope and ledger entry are committed and flushed when this resolves. DELE is sent after it.
  const result = guessesRecipients(guide().policy())
    ? await commitOnce(context, ingest, draft, { ...entry, digest: print.digest, messageId: undefined })
    : await ingest.commit(draft, { account, entry });
  const messageId = result.kind === "stored" ? result.record.id : undefined;
  recogniser.remember({ ...entry, digest: print.digest, messageId });
  if (result.kind === "duplicate") {
    tally.recognised++;
    const detail = "all its recipients have been given the same content already";
    events.emit({ kind: "duplicate", account, uidl: id, of: result.of, detail });
  } else {
    tally.fetched++;
    reportStored(context, id, result.record, decision);
  }
  return deletes ? "delete" : "leave";
}

/** Commits for those only who have not been given this content; durable also when that is nobody. */
async function commitOnce(
  { account, spool }: IntakeContext,
  ingest: Ingest,
  draft: MessageDraft,
  entry: LedgerEntry,
): Promise<CommitResult> {
  const given = await givenBefore(spool, draft);
  const recipients = draft.recipients.filter(({ address }) => !given.has(addressKey(address)));
  const [of] = given.values();
  if (draft.recipients.length > 0 && recipients.length === 0 && of !== undefined) {
    await spool.put(account, [entry]);
    return { kind: "duplicate", of };
  }
  return ingest.commit({ ...draft, recipients }, { account, entry }, { onceFor: "content-and-recipient" });
}

function reportStored(
  { account, events, tally }: IntakeContext,
  uidl: string,
  { id: message, size, recipients: given }: MessageRecord,
  decision: Decision,
): void {
  if (decision.kind === "hold") {
    tally.held++;
    const { reason, detail } = decision;
    events.emit({ kind: "held", message, account, recipient: undefined, reason, detail });
    return;
  }
  const recipients = given.map(({ address }) => address);
  const source = decision.evidence.used?.source ?? "configured";
  events.emit({ kind: "received", message, account, uidl, size, recipients, source });
}

/** With To and Cc as a source, several copies of one message would each go to everybody named in them. */
function guessesRecipients(policy: EnvelopePolicy | undefined): policy is CollectorPolicy {
  return policy?.kind === "collector" && policy.sources.some((source) => source.kind === "to-cc");
}

async function noteFailure(context: IntakeContext, action: FetchAction, detail: string): Promise<void> {
  const { account, spool, clock, events, tally } = context;
  tally.unfetchable++;
  let failures: number;
  if (action.uidl === undefined) failures = noteBrokenUnnamed(context, action);
  else {
    const entry = failedEntry({ ...action, uidl: action.uidl }, clock.now());
    failures = entry.failures;
    await spool.put(account, [entry]);
  }
  if (failures !== failuresBeforeNotice) return;
  const uidl = action.uidl ?? `number ${action.number}`;
  const words = `it could not be fetched ${failures} times and is left at the provider; it will be tried again: ${detail}`;
  events.emit({ kind: "box-notice", account, uidl, detail: words });
}

function noteBrokenUnnamed({ brokenUnnamed, clock }: IntakeContext, action: FetchAction): number {
  const key = unnamedKey(action);
  const failures = (brokenUnnamed.get(key)?.failures ?? 0) + 1;
  brokenUnnamed.set(key, { failures, at: clock.now() });
  return failures;
}
