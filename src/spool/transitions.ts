/**
 * What a person can make of a message. Pure; for `Queue.update`, which writes nothing when the same record comes back.
 * What an attempt makes of it is delivery's business (`delivery/settle.ts`).
 *
 *                 queued      held        message held as a whole     delivered, bounced, expired, dropped
 *   hold          held        as it is    as it is                    as it is
 *   release       as it is    queued      queued, to who is named     as it is
 *   retryNow      due now     as it is    as it is                    as it is
 *   redirect      dropped     dropped     queued, to the new one      as it is
 *   drop          dropped     dropped     ended                       as it is
 *
 * What has ended for a recipient stays ended, whatever is asked. Recipients that are named and are not there are passed
 * over. Each act is noted among the attempts, with its author.
 *
 * Of outbound mail: reports that are owed stay owed, and the message stays for them. Who drops a recipient tells the sender
 * nothing. Who redirects one takes over what the sender wished to be told (RFC 3461 §5.2.7.2), and under which name.
 */
import { addressKey, needsSmtpUtf8, type Address } from "../core/address.ts";
import type { Hold } from "../core/hold.ts";
import type { EpochMs } from "../core/ports.ts";
import { queuedRecipient, type DsnWishes, type MessageRecord, type Recipient } from "./record.ts";

type RecipientState = Recipient["state"];

/** Who does it, and when. */
export interface Act {
  readonly by: string;
  readonly at: EpochMs;
}

/** Which recipients: all that the act can be done to, or those named, compared by their keys. */
export type Whom = "all" | readonly Address[];

/** As many attempts and acts are kept as delivery keeps. */
const notesKept = 20;

/** Queued recipients wait for a person. */
export function holdRecipients(record: MessageRecord, whom: Whom, hold: Hold, by: string): MessageRecord {
  return each(record, whom, { by, at: hold.since }, "held", (state) =>
    state.kind === "queued" ? { kind: "held", hold, attempts: state.attempts } : state,
  );
}

/**
 * Held recipients are due at once, as if new. A message that is held as a whole goes to the recipients named; without
 * any it stays held.
 */
export function release(record: MessageRecord, whom: Whom, act: Act): MessageRecord {
  if (record.hold !== undefined) return releaseTo(record, whom === "all" ? [] : whom, act);
  const released = each(record, whom, act, "released", (state) =>
    state.kind === "held" ? { kind: "queued", nextAttemptAt: act.at, attempts: 0 } : state,
  );
  return released === record ? record : { ...released, queuedSince: act.at };
}

/** Queued recipients are due at once; how often they have been tried stays counted. */
export function retryNow(record: MessageRecord, whom: Whom, act: Act): MessageRecord {
  return each(record, whom, act, "to be tried at once", (state) =>
    state.kind === "queued" && state.nextAttemptAt > act.at ? { ...state, nextAttemptAt: act.at } : state,
  );
}

/** Another address takes the place of recipients that have not had the message. It gets it once. */
export function redirect(record: MessageRecord, whom: Whom, to: Address, act: Act): MessageRecord {
  if (record.hold !== undefined) return releaseTo(record, [to], act);
  const key = addressKey(to);
  const words = `redirected to ${to}`;
  const redirected = each(record, whom, act, words, (state, { address }) =>
    open(state) && addressKey(address) !== key ? { kind: "dropped", at: act.at, by: `${words} by ${act.by}` } : state,
  );
  if (redirected === record) return record;
  const known = redirected.recipients.some(({ address }) => addressKey(address) === key);
  const newcomer = { ...queuedRecipient(to, act.at), dsn: wishesTakenOver(record, redirected) };
  const recipients = known ? redirected.recipients : [...redirected.recipients, newcomer];
  return { ...redirected, recipients, queuedSince: act.at };
}

/** The sender's wishes for the first recipient that was redirected, whom reports go on to name as the original one. */
function wishesTakenOver(before: MessageRecord, after: MessageRecord): DsnWishes | undefined {
  const first = before.recipients.find((one, index) => one !== after.recipients[index]);
  if (before.direction !== "outbound" || first === undefined) return undefined;
  const type = needsSmtpUtf8(first.address) ? "utf-8" : "rfc822";
  return { notify: first.dsn?.notify ?? [], orcpt: first.dsn?.orcpt ?? `${type};${first.address}` };
}

/** Recipients that have not had the message will not get it. */
export function drop(record: MessageRecord, whom: Whom, act: Act): MessageRecord {
  if (record.hold !== undefined && whom === "all") return { ...noted(record, [], act, "dropped"), hold: undefined };
  return each(record, whom, act, "dropped", (state) =>
    open(state) ? { kind: "dropped", at: act.at, by: act.by } : state,
  );
}

function open({ kind }: RecipientState): boolean {
  return kind === "queued" || kind === "held";
}

function releaseTo(record: MessageRecord, to: readonly Address[], act: Act): MessageRecord {
  const known = new Set(record.recipients.map(({ address }) => addressKey(address)));
  const recipients = [...record.recipients];
  for (const address of to) {
    if (known.has(addressKey(address))) continue;
    known.add(addressKey(address));
    recipients.push(queuedRecipient(address, act.at));
  }
  if (recipients.length === record.recipients.length) return record;
  return { ...noted(record, to, act, "released"), hold: undefined, recipients, queuedSince: act.at };
}

function each(
  record: MessageRecord,
  whom: Whom,
  act: Act,
  words: string,
  change: (state: RecipientState, recipient: Recipient) => RecipientState,
): MessageRecord {
  const keys = whom === "all" ? undefined : new Set(whom.map(addressKey));
  const touched: Address[] = [];
  const recipients = record.recipients.map((recipient) => {
    if (keys !== undefined && !keys.has(addressKey(recipient.address))) return recipient;
    const state = change(recipient.state, recipient);
    if (state === recipient.state) return recipient;
    touched.push(recipient.address);
    return { ...recipient, state };
  });
  return touched.length === 0 ? record : { ...noted(record, touched, act, words), recipients };
}

function noted(record: MessageRecord, recipients: readonly Address[], { by, at }: Act, words: string): MessageRecord {
  const note = { at, destination: "", recipients, text: `${words} by ${by}` };
  return { ...record, attempts: [...record.attempts, note].slice(-notesKept) };
}
