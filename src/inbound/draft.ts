/** From a message that has been read, and the decision about it, to what the spool keeps of it. Pure. */
import { addressKey } from "../core/address.ts";
import type { AccountName } from "../core/ids.ts";
import type { EpochMs } from "../core/ports.ts";
import type { Decision } from "../message/decision.ts";
import type { Examined } from "../message/examine.ts";
import { queuedRecipient, type MessageDraft } from "../spool/record.ts";

export interface DraftFacts {
  readonly account: AccountName;
  readonly uidl: string;
  readonly examined: Examined;
  readonly decision: Decision;
  /** Our Received field, complete with CRLF. */
  readonly received: string;
  readonly now: EpochMs;
}

/** The record of a collected message: recipients due at once, or the whole of it held. */
export function messageDraft({ account, uidl, examined, decision, received, now }: DraftFacts): MessageDraft {
  const deliver = decision.kind === "deliver";
  return {
    direction: "inbound",
    origin: { kind: "pop3", account, uidl },
    reversePath: decision.reversePath,
    recipients: deliver ? decision.recipients.map((address) => queuedRecipient(address, now)) : [],
    hold: deliver ? undefined : { reason: decision.reason, detail: decision.detail, since: now },
    edits: { prepend: received, cuts: decision.removed.map(({ start, end }) => ({ start, end })) },
    removed: decision.removed,
    evidence: decision.evidence,
    summary: examined.summary,
    traits: examined.traits,
    contentDigest: examined.contentDigest,
  };
}

/** What tells copies of one content apart in the ledger: for whom they are. Empty for a message that is held. */
export function recipientsKey(decision: Decision): string {
  return decision.kind === "hold" ? "" : decision.recipients.map(addressKey).sort().join(" ");
}
