/**
 * The marked mails that `popgate probe` sends through the provider to itself: to one in To, to one in Cc, to a blind one,
 * and to three at once. The one in Cc carries a forged envelope field of each common name, above and below everything
 * else that a sender writes, and a forged Received field: what becomes of them says whether a sender could choose the
 * recipients. Pure.
 *
 * They are known again by a field of their own with the run's token, which no other mail has. They say that they are
 * automatic (RFC 3834 §5), so that nobody's absence notice answers.
 */
import { domainOf, mustAddress, type Address } from "../core/address.ts";
import type { EpochMs } from "../core/ports.ts";
import type { HeaderBlock } from "../message/header.ts";

export type ProbeKind = "to" | "cc" | "bcc" | "several";
export const probeKinds: readonly ProbeKind[] = ["to", "cc", "bcc", "several"];

export interface ProbeMail {
  readonly kind: ProbeKind;
  readonly recipients: readonly [Address, ...Address[]];
  readonly octets: Buffer;
}

export interface ProbePlan {
  readonly token: string;
  /** Nobody's: where it becomes a recipient, a forged field was believed. */
  readonly forged: Address;
  readonly mails: readonly ProbeMail[];
}

export interface ProbeWishes {
  /** Hex digits, drawn for this run. */
  readonly token: string;
  readonly sender: Address;
  /** Three different addresses that this box is for. */
  readonly recipients: readonly [Address, Address, Address];
  readonly hostname: string;
  readonly at: EpochMs;
}

/** Names that are tried, in the spelling of those who write them. */
export const forgedNames: readonly string[] = [
  "Envelope-To",
  "X-Envelope-To",
  "Delivered-To",
  "X-Original-To",
  "X-Delivered-To",
  "X-Apparently-To",
  "X-Rcpt-To",
  "X-Recipient-To",
  "X-MDaemon-Deliver-To",
];

const markField = "X-Popgate-Probe";

/** What the person looks for if something is left. */
export function probeSubject(token: string): string {
  return `popgate probe ${token}`;
}

export function planProbe(wishes: ProbeWishes): ProbePlan {
  const [first, second, third] = wishes.recipients;
  const forged = mustAddress(`popgate-forged-${wishes.token}@${domainOf(first)}`);
  const { sender } = wishes;
  const mail = (kind: ProbeKind, recipients: ProbeMail["recipients"], visible: readonly string[]): ProbeMail => ({
    kind,
    recipients,
    octets: compose(kind, visible, kind === "cc" ? forged : undefined, wishes),
  });
  return {
    token: wishes.token,
    forged,
    mails: [
      mail("to", [first], [`To: ${first}`]),
      mail("cc", [second], [`To: ${sender}`, `Cc: ${second}`]),
      // Whoever reads To here delivers to somebody else.
      mail("bcc", [third], [`To: ${first}`]),
      mail("several", [first, second, third], [`To: ${first}`, `Cc: ${second}`]),
    ],
  };
}

/** Which of the marked mails this is; `undefined` for any other mail. */
export function probeKindOf({ fields }: HeaderBlock, token: string): ProbeKind | undefined {
  const value = fields.find(({ lower }) => lower === markField.toLowerCase())?.value;
  return probeKinds.find((kind) => value === `${token} ${kind}`);
}

function compose(
  kind: ProbeKind,
  visible: readonly string[],
  forged: Address | undefined,
  { token, sender, hostname, at }: ProbeWishes,
): Buffer {
  const date = new Date(at).toUTCString().replace("GMT", "+0000");
  const fake = forged === undefined ? [] : forgedNames.map((name) => `${name}: ${forgedValue(name, forged)}`);
  const lines = [
    ...fake,
    ...(forged === undefined ? [] : [`Received: from mail.invalid by mx.invalid with ESMTP for <${forged}>; ${date}`]),
    `Date: ${date}`,
    `From: popgate <${sender}>`,
    ...visible,
    `Subject: ${probeSubject(token)} (${kind})`,
    `Message-ID: <popgate-probe.${token}.${kind}@${hostname}>`,
    `${markField}: ${token} ${kind}`,
    "Auto-Submitted: auto-generated",
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=us-ascii",
    ...fake,
    "",
    "A test by popgate: it looks which header fields the provider writes.",
    "It is deleted by itself, and can be deleted by hand.",
    "",
  ];
  return Buffer.from(lines.join("\r\n"));
}

/** Yahoo's form has words behind the address. */
function forgedValue(name: string, forged: Address): string {
  return name === "X-Apparently-To" ? `${forged} via 192.0.2.1` : forged;
}
