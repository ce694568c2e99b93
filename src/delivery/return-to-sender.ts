/**
 * A person returns outbound mail to its sender: recipients that have not had it bounce, and the sender is owed the report
 * of that. Pure.
 *
 * The report gives what the last attempt ran into, if there was one: it is what the sender can do something about. Only
 * outbound mail is returned: its sender has been checked when it was submitted, that of inbound mail may be forged.
 */
import { addressKey, type Address } from "../core/address.ts";
import type { Cause } from "../core/outcome.ts";
import type { EpochMs } from "../core/ports.ts";
import { type MessageRecord, wantsReport } from "../spool/record.ts";
import { notOwing, owing } from "./owed.ts";

/** As many attempts and acts are kept as everywhere. */
const notesKept = 20;

/** Why a message cannot be returned; `undefined` when it can. */
export function whyNotReturned({
  direction,
  reversePath,
}: Pick<MessageRecord, "direction" | "reversePath">): string | undefined {
  if (direction === "inbound") return "inbound mail is not returned, its sender may be forged: redirect or drop it";
  if (reversePath.kind === "null") return "it has no sender who could be told: redirect or drop it";
  return undefined;
}

/** The same record when there is nothing to return. */
export function returnToSender(
  record: MessageRecord,
  whom: "all" | readonly Address[],
  { by, at }: { readonly by: string; readonly at: EpochMs },
): MessageRecord {
  if (whyNotReturned(record) !== undefined) return record;
  const keys = whom === "all" ? undefined : new Set(whom.map(addressKey));
  const isMeant = ({ address, state }: MessageRecord["recipients"][number]): boolean =>
    (state.kind === "queued" || state.kind === "held") && keys?.has(addressKey(address)) !== false;
  const meant = record.recipients.filter(isMeant);
  if (meant.length === 0) return record;
  const returned: Cause = { kind: "returned", by };
  const recipients = record.recipients.map((recipient) =>
    isMeant(recipient)
      ? { ...recipient, state: { kind: "bounced" as const, at, cause: recipient.lastCause ?? returned } }
      : recipient,
  );
  const addresses = meant.map(({ address }) => address);
  const note = { at, destination: "", recipients: addresses, text: `returned to the sender by ${by}` };
  const attempts = [...record.attempts, note].slice(-notesKept);
  const told = meant.filter((recipient) => wantsReport(record, recipient, "failed")).map(({ address }) => address);
  return owing(notOwing({ ...record, recipients, attempts }, "delayed", addresses), "failed", told, at);
}
