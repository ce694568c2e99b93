/**
 * Decides held messages again, from the spool: after a configuration change, after a profile has been learnt, or for
 * messages that a person names. Nothing is fetched from the provider.
 *
 * Guarantees
 * - Only a message that is held as a whole is touched, and only while it still is: the decision is made from its stored
 *   octets, and applied in one durable update that changes nothing if somebody else has acted meanwhile.
 * - What is not established by the policy of its account stays held, with the newer reason.
 * - Where To and Cc decide, a recipient gets one content once, as when mail is fetched: copies are looked for among the
 *   messages of the same Message-ID and among those resolved in the same run.
 * - A message that cannot be read stays as it is, and does not keep the others from being resolved.
 */
import { addressKey, type AddressKey } from "../core/address.ts";
import type { EventSink } from "../core/events.ts";
import type { HoldReason } from "../core/hold.ts";
import type { AccountName, MessageId } from "../core/ids.ts";
import type { Clock, EpochMs } from "../core/ports.ts";
import type { Decision } from "../message/decision.ts";
import type { EnvelopePolicy } from "../message/policy.ts";
import { decide } from "../message/recipients.ts";
import { heldIfReturned, ownNames } from "../message/returned.ts";
import { SpoolError, type Inspection, type Queue } from "../spool/port.ts";
import { queuedRecipient, type MessageRecord, type Recipient } from "../spool/record.ts";
import { givenBefore } from "./given-before.ts";
import { relayedBefore } from "./relayed-before.ts";
import { storedHeader } from "./stored-header.ts";

export interface ResolveOptions {
  readonly spool: Queue & Inspection;
  readonly clock: Clock;
  readonly events: EventSink;
  /** The policy of an account as it stands; `undefined` for one that is gone, or has no profile yet. */
  readonly policyOf: (account: AccountName) => Promise<EnvelopePolicy | undefined>;
  /** `all`: those held for a reason of the envelope. Ids: these, for whatever reason but `by-administrator`. */
  readonly which: "all" | readonly MessageId[];
  /** With `all`: this account only. */
  readonly account?: AccountName | undefined;
  /** With `all`: these reasons only. */
  readonly reasons?: readonly HoldReason[] | undefined;
  /** Says what would be done, and does nothing. */
  readonly dryRun: boolean;
  readonly maxHeaderOctets: number;
}

export type Resolution =
  | { readonly kind: "released"; readonly id: MessageId; readonly recipients: readonly string[] }
  /** All its recipients have been given the same content by another message. */
  | { readonly kind: "duplicate"; readonly id: MessageId }
  | { readonly kind: "held"; readonly id: MessageId; readonly reason: HoldReason; readonly detail: string }
  /** Not touched, with the reason in words. */
  | { readonly kind: "skipped"; readonly id: MessageId; readonly why: string };

/** What a configuration change can put right. */
const envelopeReasons: readonly HoldReason[] = [
  "envelope-missing",
  "envelope-untrusted",
  "envelope-drift",
  "envelope-unreadable",
  "envelope-contradiction",
  "profile-undecided",
  "no-local-recipient",
];
const pageSize = 100;

/** Resolves one message after the other. Each result is given as soon as it is durable. */
export async function* resolveHeld(options: ResolveOptions, signal: AbortSignal): AsyncGenerator<Resolution> {
  const given: Given = new Map();
  for await (const [id, record] of candidates(options)) {
    signal.throwIfAborted();
    yield record === undefined ? skipped(id, "it is not in the queue") : await resolveOne(options, record, given);
  }
}

async function* candidates(options: ResolveOptions): AsyncGenerator<readonly [MessageId, MessageRecord | undefined]> {
  const { spool, which, account, reasons = envelopeReasons } = options;
  if (which !== "all") {
    for (const id of which) yield [id, await spool.load(id)];
    return;
  }
  let after: MessageId | undefined;
  for (;;) {
    const page = await spool.held(after, pageSize);
    for (const record of page) {
      after = record.id;
      if (record.hold === undefined || !reasons.includes(record.hold.reason)) continue;
      if (account !== undefined && (record.origin.kind !== "pop3" || record.origin.account !== account)) continue;
      yield [record.id, record];
    }
    if (page.length < pageSize) return;
  }
}

async function resolveOne(options: ResolveOptions, record: MessageRecord, given: Given): Promise<Resolution> {
  const { id, hold, origin } = record;
  if (hold === undefined) return skipped(id, "it is not held as a whole");
  if (hold.reason === "by-administrator") return skipped(id, "an administrator holds it");
  if (origin.kind !== "pop3") return skipped(id, "it did not come from a box");
  const policy = await options.policyOf(origin.account);
  if (policy === undefined) return skipped(id, `account ${origin.account} is gone, or has no profile yet`);
  let decision: Decision;
  try {
    const { header, headerTooLarge } = await storedHeader(options.spool, id, options.maxHeaderOctets);
    if (headerTooLarge) return skipped(id, "its header block is larger than what is read of it");
    const own = ownNames(policy);
    decision = heldIfReturned(
      decide(header, policy),
      header,
      await relayedBefore(options.spool, header, own.hostname),
      own,
    );
  } catch (error) {
    if (!(error instanceof SpoolError)) throw error;
    return skipped(id, `it cannot be read: ${error.message}`);
  }
  if (decision.kind === "hold") return keepHeld(options, record, decision);
  return release(options, record, decision, given);
}

/** Content digest → recipients that have been given it. */
type Given = Map<string, Set<AddressKey>>;

async function release(
  options: ResolveOptions,
  record: MessageRecord,
  decision: Extract<Decision, { kind: "deliver" }>,
  given: Given,
): Promise<Resolution> {
  const { spool, clock, events, dryRun } = options;
  const { id } = record;
  const now = clock.now();
  const guessed = decision.evidence.used?.source === "to-cc";
  const before = guessed ? await knownRecipients(spool, record, given) : new Set<AddressKey>();
  const recipients = decision.recipients
    .filter((address) => !before.has(addressKey(address)))
    .map((address) => queuedRecipient(address, now));
  for (const { address } of recipients) before.add(addressKey(address));
  if (!dryRun) {
    const changed = await change(options, record, (present) => decided(present, decision, recipients, now));
    if (!changed) return skipped(id, "somebody else has acted on it meanwhile");
  }
  if (recipients.length === 0) return { kind: "duplicate", id };
  const addresses = recipients.map(({ address }) => address);
  const account = record.origin.kind === "pop3" ? record.origin.account : undefined;
  if (!dryRun) events.emit({ kind: "released", message: id, account, by: "resolve", recipients: addresses });
  return { kind: "released", id, recipients: addresses };
}

async function keepHeld(
  options: ResolveOptions,
  record: MessageRecord,
  decision: Extract<Decision, { kind: "hold" }>,
): Promise<Resolution> {
  const { reason, detail } = decision;
  const { id, hold } = record;
  if (!options.dryRun && (hold?.reason !== reason || hold.detail !== detail)) {
    const { evidence, removed } = decision;
    await change(options, record, (present) => ({
      ...present,
      hold: { reason, detail, since: present.hold?.since ?? options.clock.now() },
      evidence,
      removed,
      edits: { ...present.edits, cuts: ranges(removed) },
    }));
  }
  return { kind: "held", id, reason, detail };
}

/** Applies `make` if the message is still held as it was when it was looked at. False if it is not. */
async function change(
  { spool }: ResolveOptions,
  record: MessageRecord,
  make: (present: MessageRecord) => MessageRecord,
): Promise<boolean> {
  let applied = false;
  try {
    await spool.update(record.id, (present) => {
      applied = present.hold !== undefined && present.hold.reason === record.hold?.reason;
      return applied ? make(present) : present;
    });
  } catch (error) {
    if (error instanceof SpoolError && error.code === "SPOOL_NO_MESSAGE") return false;
    throw error;
  }
  return applied;
}

function decided(
  present: MessageRecord,
  decision: Decision,
  recipients: readonly Recipient[],
  now: EpochMs,
): MessageRecord {
  const { reversePath, removed, evidence } = decision;
  const edits = { ...present.edits, cuts: ranges(removed) };
  const text = recipients.length === 0 ? "resolved: a copy of another message" : "resolved: released for delivery";
  const attempt = { at: now, destination: "", recipients: recipients.map(({ address }) => address), text };
  const attempts = [...present.attempts, attempt].slice(-20);
  return { ...present, hold: undefined, queuedSince: now, recipients, reversePath, removed, evidence, edits, attempts };
}

/** Who has been given this content already, by this run or by a message that is or was in the spool. */
async function knownRecipients(
  spool: Queue & Inspection,
  record: MessageRecord,
  given: Given,
): Promise<Set<AddressKey>> {
  const known = given.get(record.contentDigest);
  if (known !== undefined) return known;
  const found = new Set((await givenBefore(spool, record, record.id)).keys());
  given.set(record.contentDigest, found);
  return found;
}

function ranges(removed: Decision["removed"]): { readonly start: number; readonly end: number }[] {
  return removed.map(({ start, end }) => ({ start, end }));
}

function skipped(id: MessageId, why: string): Resolution {
  return { kind: "skipped", id, why };
}
