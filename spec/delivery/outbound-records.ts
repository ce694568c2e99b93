/** Outbound records for specs of pure code, and drafts of them for a spool. */
import { mustAddress, nullReversePath, type Address, type ReversePath } from "../../src/core/address.ts";
import type { MessageId } from "../../src/core/ids.ts";
import type { Cause } from "../../src/core/outcome.ts";
import { queuedRecipient, type DsnWishes, type MessageDraft, type MessageRecord } from "../../src/spool/record.ts";

export type Notify = DsnWishes["notify"][number];

export const chef: ReversePath = { kind: "address", address: mustAddress("chef@firma.example") };

export function wishes(...notify: readonly Notify[]): DsnWishes {
  return { notify, orcpt: undefined };
}

export interface OutboundWishes {
  readonly to?: readonly (string | readonly [address: string, dsn: DsnWishes | undefined])[];
  readonly at?: number;
  readonly from?: ReversePath;
  readonly origin?: MessageDraft["origin"];
}

export function outboundDraft({
  to = ["a@x.example"],
  at = 0,
  from = chef,
  origin,
}: OutboundWishes = {}): MessageDraft {
  return {
    direction: "outbound",
    origin: origin ?? { kind: "smtp", client: "192.0.2.1", user: undefined, protocol: "ESMTP" },
    reversePath: from,
    recipients: to.map((one) => {
      const [address, dsn] = typeof one === "string" ? [one, undefined] : one;
      return { ...queuedRecipient(mustAddress(address), at), dsn };
    }),
    hold: undefined,
    edits: { prepend: "", cuts: [] },
    removed: [],
    evidence: undefined,
    summary: { messageId: "", from: "", subject: "", date: "" },
    traits: { eightBit: false, eightBitHeader: false, longLines: false },
    contentDigest: "",
    submission: {
      sender: from.kind === "address" ? from.address : undefined,
      ret: undefined,
      envid: undefined,
      requireTls: false,
    },
  };
}

export function outboundRecord(options: OutboundWishes = {}, more: Partial<MessageRecord> = {}): MessageRecord {
  return {
    ...outboundDraft(options),
    version: 1,
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- any text will do
    id: "00000000000000" as MessageId,
    receivedAt: options.at ?? 0,
    size: 10,
    digest: "",
    attempts: [],
    noticedAt: undefined,
    ...more,
  };
}

/** A mail of which nobody would hear if it were bounced. */
export const journal: OutboundWishes = { from: nullReversePath };
/** A report of our own. */
export const ownReport: OutboundWishes = { from: nullReversePath, origin: { kind: "local", purpose: "report" } };

export function reply(code: number, enhanced: string, phase: "mail" | "rcpt" | "dot" = "rcpt", text = "no"): Cause {
  return { kind: "reply", phase, reply: { code, enhanced, text } };
}

export const unreachable: Cause = { kind: "connection", phase: "connect", code: "ECONNREFUSED", message: "refused" };

export function stateOf(
  record: MessageRecord,
  address: Address | string,
): MessageRecord["recipients"][number]["state"] {
  const found = record.recipients.find((one) => one.address === address);
  if (found === undefined) throw new Error(`no recipient ${address}`);
  return found.state;
}

export function kindsOf(record: MessageRecord): string[] {
  return record.recipients.map(({ state }) => state.kind);
}
