/**
 * A report to a sender as a message: multipart/report (RFC 6522) of a human part, a machine part (`delivery-status.ts`)
 * and what is returned of the original (`original-part.ts`). Pure.
 *
 * Guarantees: ASCII header lines, except that a recipient who is not ASCII is named as he is (RFC 6532; his address needs
 * SMTPUTF8 in any case); no line longer than 998 octets; nothing that a sender or a server has written can begin a line
 * of the header or end a part. It says that a machine wrote it (RFC 3834 §5).
 *
 * There is no X-Failed-Recipients: that field is Exim's own, and the machine part says the same, for all and in order.
 */
import type { Address } from "../core/address.ts";
import type { EpochMs } from "../core/ports.ts";
import { encodeWords } from "../message/encode-words.ts";
import { quotedPrintable } from "../message/quoted-printable.ts";
import { date, deliveryStatus, type DeliveryStatus } from "./delivery-status.ts";
import { humanText, reportSubject, wordsOf } from "./human-part.ts";
import { originalPart, type BodyPart, type Returned } from "./original-part.ts";
import type { OriginalFacts, RecipientFacts, ReportKind, ReportLanguage } from "./report-facts.ts";

export interface ReportFacts {
  readonly kind: ReportKind;
  readonly language: ReportLanguage;
  readonly hostname: string;
  readonly postmaster: Address;
  /** IANA name, for the times that people read. */
  readonly timeZone: string;
  /** The reverse path of the original. */
  readonly to: Address;
  /** Makes Message-ID and boundary unique. */
  readonly id: string;
  readonly at: EpochMs;
  readonly original: OriginalFacts;
  readonly recipients: readonly [RecipientFacts, ...RecipientFacts[]];
  readonly returned: Returned;
}

/** The whole message, lines ended by CRLF. */
export function deliveryReport(facts: ReportFacts): Buffer {
  const parts = [humanPart(facts), statusPart(facts), originalPart(facts.returned)].filter(
    (part) => part !== undefined,
  );
  const boundary = freeBoundary(facts.id, parts);
  const pieces: Buffer[] = [Buffer.from(`${headerLines(facts, boundary, parts).join("\r\n")}\r\n\r\n`)];
  for (const { type, encoding, octets } of parts) {
    const head = [`--${boundary}`, `Content-Type: ${type}`];
    if (encoding !== "7bit") head.push(`Content-Transfer-Encoding: ${encoding}`);
    pieces.push(Buffer.from(`${head.join("\r\n")}\r\n\r\n`), octets, Buffer.from("\r\n"));
  }
  pieces.push(Buffer.from(`--${boundary}--\r\n`));
  return Buffer.concat(pieces);
}

function headerLines(facts: ReportFacts, boundary: string, parts: readonly BodyPart[]): string[] {
  const { kind, language, hostname, to, id, at, original } = facts;
  const words = wordsOf(language);
  const about = original.confidential ? undefined : identifier(original.messageId);
  const eightBit = parts.some(({ encoding }) => encoding === "8bit");
  return [
    `From: ${words.length === 1 ? words[0].name : "Mail Delivery System"} <MAILER-DAEMON@${hostname}>`,
    `To: ${to}`,
    `Subject: ${encodeWords(reportSubject(language, kind, original))}`,
    `Date: ${date(at)}`,
    `Message-ID: <${id}.report@${hostname}>`,
    ...(about === undefined ? [] : [`In-Reply-To: ${about}`, `References: ${about}`]),
    "Auto-Submitted: auto-replied",
    "X-Auto-Response-Suppress: All",
    `Content-Language: ${words.map(({ locale }) => locale.slice(0, 2)).join(", ")}`,
    "MIME-Version: 1.0",
    "Content-Type: multipart/report; report-type=delivery-status;",
    ` boundary="${boundary}"`,
    // A multipart is labelled with what its parts need (RFC 2045 §6.4).
    ...(eightBit ? ["Content-Transfer-Encoding: 8bit"] : []),
  ];
}

function humanPart(facts: ReportFacts): BodyPart {
  const text = humanText(facts.language, { ...facts, returned: facts.returned.kind });
  const octets = Buffer.from(text.replaceAll("\n", "\r\n"));
  return {
    type: "text/plain; charset=utf-8",
    encoding: "quoted-printable",
    octets: Buffer.from(quotedPrintable(octets)),
  };
}

function statusPart({ hostname, original, recipients }: ReportFacts): BodyPart {
  const { global, text }: DeliveryStatus = deliveryStatus(hostname, original, recipients);
  if (!global) return { type: "message/delivery-status", encoding: "7bit", octets: Buffer.from(text) };
  // RFC 6533 §4 lets it be encoded, and then it passes where there is no SMTPUTF8.
  const octets = Buffer.from(quotedPrintable(Buffer.from(text)));
  return { type: "message/global-delivery-status", encoding: "quoted-printable", octets };
}

/** A Message-ID that can stand in a field; `undefined` for what is none, or would not fit. */
function identifier(messageId: string): string | undefined {
  return /^<[\x21-\x3b\x3d\x3f-\x7e]{1,900}>$/u.test(messageId) ? messageId : undefined;
}

/** No part may hold the boundary (RFC 2046 §5.1.1). The id is newer than the original; this is for certainty. */
function freeBoundary(id: string, parts: readonly BodyPart[]): string {
  for (let number = 0; ; number++) {
    const boundary = `=_${id}.${number}`;
    if (!parts.some(({ octets }) => octets.includes(boundary))) return boundary;
  }
}
