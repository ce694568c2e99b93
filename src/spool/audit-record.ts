/**
 * What one record says of its message's end, and where it contradicts itself. Pure; for `audit.ts`.
 *
 * A recipient that failed is told of when the sender wishes it (RFC 3461 §4.1): without NOTIFY, or with FAILURE; never to
 * the null reverse path (RFC 5321 §4.5.5). The debt and the report that pays it are one transaction, so a failure that is
 * to be told and not owed any more has been told.
 */
import { addressKey } from "../core/address.ts";
import type { HistoryRecord, MessageRecord, OwedReport, Recipient } from "./record.ts";
import { isEnded } from "./record.ts";

/** Where mail comes from, as it is counted: an account, the listener, popgate itself. */
export function originText({ origin }: Pick<MessageRecord, "origin">): string {
  switch (origin.kind) {
    case "pop3":
      return origin.account;
    case "smtp":
      return "listener";
    case "local":
      return `popgate (${origin.purpose})`;
  }
}

/** Who dropped a recipient, without the address that it went to instead. */
export function dropperText(by: string): string {
  return by.replace(/^redirected to \S+/u, "redirected");
}

/** What became of the news of a failure; `none`: the recipient has not failed. */
export function failureNews(record: MessageRecord, recipient: Recipient): "none" | "reported" | "owed" | "unwished" {
  const { kind } = recipient.state;
  if (kind !== "bounced" && kind !== "expired") return "none";
  if (owes(record, "failed", recipient)) return "owed";
  const notify = recipient.dsn?.notify ?? [];
  const wished = notify.length === 0 || notify.includes("FAILURE");
  return wished && record.reversePath.kind === "address" ? "reported" : "unwished";
}

/** What cannot be: one sentence each. */
export function contradictionsOf(record: MessageRecord, ended: HistoryRecord | undefined): string[] {
  const found: string[] = [];
  const names = new Set<string>();
  for (const recipient of record.recipients) {
    const key = addressKey(recipient.address);
    if (names.has(key)) found.push(`${recipient.address} is a recipient twice`);
    names.add(key);
    found.push(...recipientContradictions(record, recipient, ended !== undefined));
  }
  for (const { kind, recipients } of record.owed ?? [])
    for (const address of recipients)
      if (!names.has(addressKey(address)))
        found.push(`a report (${kind}) is owed about ${address}, who is no recipient`);
  if (ended === undefined && isEnded(record)) found.push("it is in the queue, and there is nothing left to do");
  if (ended?.hold !== undefined) found.push(`it has ended, and is held: ${ended.hold.reason}`);
  if (ended !== undefined && (ended.owed ?? []).length > 0) found.push("it has ended, and its sender is owed a report");
  return found;
}

function recipientContradictions(record: MessageRecord, recipient: Recipient, ended: boolean): string[] {
  const { address, state } = recipient;
  const found: string[] = [];
  if (ended && (state.kind === "queued" || state.kind === "held"))
    found.push(`it has ended, and ${address} is ${state.kind}`);
  if (state.kind === "delivered" && Math.floor(state.reply.code / 100) !== 2)
    found.push(`${address} is delivered by the reply ${state.reply.code}`);
  const failed = state.kind === "bounced" || state.kind === "expired";
  if (!failed && owes(record, "failed", recipient))
    found.push(`a failure of ${address} is owed, which is ${state.kind}`);
  if (state.kind !== "delivered" && owes(record, "relayed", recipient))
    found.push(`a success at ${address} is owed, which is ${state.kind}`);
  return found;
}

function owes({ owed = [] }: MessageRecord, kind: OwedReport["kind"], { address }: Recipient): boolean {
  return owed.some((one) => one.kind === kind && one.recipients.includes(address));
}
