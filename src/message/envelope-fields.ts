/**
 * The fields by which mail systems note an envelope recipient, as far as they are known, and what else never leaves
 * with a message. They are removed wherever they stand: a stale one from another system names somebody just as well,
 * and a `Delivered-To` makes the next Postfix, qmail or Courier see a loop that is none.
 *
 * Sources: the manuals of Exim (`envelope_to_add`), Postfix (local(8), virtual(8), pipe(8)), qmail (dot-qmail(5)),
 * Courier, Dovecot (lmtp_hdr_delivery_address), MDaemon, VPOP3, XMail and CommuniGate Pro; RFC 9228 (Delivered-To);
 * RFC 8098 §2.3 (Original-Recipient).
 */

/** Lower case. */
const envelopeFields: ReadonlySet<string> = new Set([
  "envelope-to",
  "x-envelope-to",
  "x-original-to",
  "x-original-recipient",
  "delivered-to",
  "x-delivered-to",
  "x-deliver-to",
  "x-resolved-to",
  "x-recipient-to",
  "x-recipient",
  "x-rcpt-to",
  "x-rcptto",
  "x-to",
  "x-mdrcpt-to",
  "x-mdaemon-deliver-to",
  "x-apparently-to",
  "apparently-to",
  "x-real-to",
  "x-forwarded-to",
  "x-forwarded-for",
  "x-gm-original-to",
  "original-recipient",
  "x-orcpt",
  "x-ms-exchange-organization-originalenveloperecipients",
]);

const privateFields: ReadonlySet<string> = new Set(["bcc", "resent-bcc", "return-path"]);

/** True for a field that is known to name an envelope recipient. `lower`: the name in lower case. */
export function isEnvelopeField(lower: string): boolean {
  return envelopeFields.has(lower);
}

/** True for a field that is never handed on, whatever the configuration says. */
export function isNeverHandedOn(lower: string): boolean {
  return envelopeFields.has(lower) || privateFields.has(lower);
}
