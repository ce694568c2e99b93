/**
 * A notice as a message: RFC 5322, plain text in UTF-8 as base64, ASCII lines of at most 78 octets. Pure.
 * It comes from a machine and says so (RFC 3834 §5), so that nobody's out-of-office answers it.
 */
import type { Address } from "../core/address.ts";
import type { EpochMs } from "../core/ports.ts";

export interface NoticeMail {
  readonly to: Address;
  readonly hostname: string;
  readonly subject: string;
  readonly text: string;
  readonly at: EpochMs;
  /** Makes the Message-ID unique. */
  readonly id: string;
}

export function noticeMail({ to, hostname, subject, text, at, id }: NoticeMail): Buffer {
  const body = Buffer.from(text.replaceAll("\n", "\r\n"), "utf8").toString("base64");
  const lines = [
    `From: popgate <mailer-daemon@${hostname}>`,
    `To: ${to}`,
    `Subject: ${encodeSubject(subject)}`,
    `Date: ${new Date(at).toUTCString().replace("GMT", "+0000")}`,
    `Message-ID: <${id}.notice@${hostname}>`,
    "Auto-Submitted: auto-generated",
    "X-Auto-Response-Suppress: All",
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: base64",
    "",
    ...(body.match(/.{1,76}/gu) ?? []),
    "",
  ];
  return Buffer.from(lines.join("\r\n"), "utf8");
}

/** Encoded words (RFC 2047) of at most 75 characters, where the text is not short and plain ASCII. */
function encodeSubject(subject: string): string {
  if (/^[\x20-\x7e]{0,60}$/u.test(subject) && !subject.includes("=?")) return subject;
  const words: string[] = [];
  let part = "";
  for (const character of subject) {
    if (Buffer.byteLength(part + character) > 42) {
      words.push(part);
      part = "";
    }
    part += character;
  }
  return [...words, part].map((word) => `=?utf-8?B?${Buffer.from(word).toString("base64")}?=`).join("\r\n ");
}
