/**
 * Mail of our own that comes back: popgate has relayed it to an address of the company, the provider has put it into the
 * company's box, and the collector has fetched it. Handed to Exchange, it would be sent out again. Pure; what is known of
 * the message that went out is given in.
 *
 * Our own Received field of a submission names it by queue id. Whether this copy is a return depends on whom it is for:
 * - for somebody to whom we relayed it: yes, whatever way it took;
 * - the message went to an own address, and nobody on the way says that he sent it on: yes, the provider merely rewrote
 *   the address (an alias there);
 * - a mailing list or a person outside sent it on to other own people (List-Id, List-Post, Precedence: list, or a Resent
 *   field above ours, RFC 5322 §3.6.6), or it never went to an own address: no, this is mail.
 *
 * What went to Exchange by us has not been relayed. When nothing is known any more of the message that went out, it is
 * taken for mail; if it is a loop after all, the next round shows two fields of ours (`stop.ts`).
 */
import { addressKey, domainOf, parseAddress, type Address, type AddressKey } from "../core/address.ts";
import type { MessageId } from "../core/ids.ts";
import type { EpochMs } from "../core/ports.ts";
import type { Decision } from "./decision.ts";
import type { HeaderBlock, HeaderField } from "./header.ts";
import type { EnvelopePolicy } from "./policy.ts";
import { ownSubmission } from "./trace.ts";

/** A message that we have relayed, as far as it has been. */
export interface RelayedMessage {
  readonly id: MessageId;
  readonly to: readonly {
    readonly address: Address;
    /** When the relay took it; `undefined` when it may have taken it without our learning of it. */
    readonly at: EpochMs | undefined;
  }[];
}

/** By which name and domains a company knows its own mail. */
export interface OwnNames {
  readonly hostname: string;
  readonly domains: readonly string[];
}

/** What an account's policy says of its company. A mailbox knows no domains but those that it delivers to. */
export function ownNames(policy: EnvelopePolicy | (OwnNames & { readonly kind: "auto" })): OwnNames {
  const { hostname } = policy;
  return { hostname, domains: policy.kind === "mailbox" ? policy.deliverTo.map(domainOf) : policy.domains };
}

/** Queue ids under which a message was submitted to this host before, as its Received fields say: the newest first. */
export function submittedAs(header: HeaderBlock, hostname: string): readonly string[] {
  return header.fields.flatMap((field) => submissionId(field, hostname) ?? []);
}

/** The decision, or to hold the message as a loop. `relayed`: what is known of the messages that it was submitted as. */
export function heldIfReturned(
  decision: Decision,
  header: HeaderBlock,
  relayed: readonly RelayedMessage[],
  { hostname, domains }: OwnNames,
): Decision {
  if (decision.kind === "hold") return decision;
  const named = namedIn(decision);
  const sentOn = isSentOn(header, hostname);
  for (const { id, to } of relayed) {
    const same = to.filter(({ address }) => named.has(addressKey(address)));
    const own = sentOn ? [] : to.filter(({ address }) => domains.includes(domainOf(address)));
    const returned = same.length > 0 ? same : own;
    if (returned.length === 0) continue;
    const { reversePath, removed, evidence } = decision;
    const whom = returned.slice(0, 5).map(({ address, at }) => `${address} (${time(at)})`);
    const detail = `this is message ${id}, which popgate itself relayed to ${whom.join(", ")}; it has come back`;
    return { kind: "hold", reason: "loop", detail, reversePath, removed, evidence };
  }
  return decision;
}

/** Whom the decision is for, by the addresses that were read and those that aliases made of them. */
function namedIn({ recipients, evidence }: Extract<Decision, { kind: "deliver" }>): ReadonlySet<AddressKey> {
  const named = new Set(recipients.map(addressKey));
  for (const { from } of evidence.mapped) {
    const read = parseAddress(from);
    if (read.kind === "ok") named.add(addressKey(read.address));
  }
  return named;
}

/** A mailing list or a person has sent it on. Resent fields below ours were there before it went out. */
function isSentOn({ fields }: HeaderBlock, hostname: string): boolean {
  const ours = fields.findIndex((field) => submissionId(field, hostname) !== undefined);
  return fields.some(
    ({ lower, value }, index) =>
      lower === "list-id" ||
      lower === "list-post" ||
      (lower === "precedence" && /^list\b/iu.test(value)) ||
      (lower.startsWith("resent-") && index < ours),
  );
}

function submissionId(field: HeaderField, hostname: string): string | undefined {
  return field.lower === "received" ? ownSubmission(field.value, hostname) : undefined;
}

function time(at: EpochMs | undefined): string {
  return at === undefined ? "not confirmed" : new Date(at).toISOString();
}
