/**
 * What of the original message goes back with a report: the header, or all of it.
 *
 * The octets are those that were handed over, so nothing that was removed (Bcc) comes back. Reading stops as soon as it is
 * clear what is returned: a message of any size costs no more memory than `fullAtMost` and two chunks. A message that is
 * too large, that SMTP could not carry as it is, or that cannot be read whole comes back as its header; if even that
 * cannot be read, nothing does.
 */
import { isAscii, isUtf8 } from "node:buffer";
import { parseHeaderBlock } from "../message/header.ts";
import { quotedPrintable } from "../message/quoted-printable.ts";
import { SpoolError } from "../spool/port.ts";

export type Returned =
  | { readonly kind: "none" }
  /** Whole lines, without the blank one. */
  | { readonly kind: "headers"; readonly octets: Buffer }
  | { readonly kind: "message"; readonly octets: Buffer };

/** A body part of a multipart. */
export interface BodyPart {
  readonly type: string;
  readonly encoding: "7bit" | "8bit" | "quoted-printable" | "base64";
  readonly octets: Buffer;
}

/** Larger messages come back as their header: a report must get through where its message was too large. */
export const fullAtMost = 1_000_000;
const headersAtMost = 128 * 1024;

/** `octets` have CRLF line ends. Rejects with what they throw, except for damage. */
export async function readOriginal(octets: AsyncIterable<Buffer>, wish: "headers" | "message"): Promise<Returned> {
  const parts: Buffer[] = [];
  let length = 0;
  let whole = wish === "message";
  const most = wish === "message" ? fullAtMost : headersAtMost;
  try {
    for await (const chunk of octets) {
      parts.push(chunk);
      length += chunk.length;
      if (length <= most) continue;
      whole = false;
      break;
    }
  } catch (error) {
    if (!(error instanceof SpoolError && error.code === "SPOOL_DAMAGED")) throw error;
    whole = false;
  }
  const read = Buffer.concat(parts);
  return whole && read.length > 0 && isCarriable(read) ? { kind: "message", octets: read } : headersOf(read);
}

/** RFC 3462 §3 for the header, RFC 2046 §5.2.1 for the message, RFC 6532 §3.7 and RFC 6533 §5 where the header is UTF-8. */
export function originalPart(returned: Returned): BodyPart | undefined {
  switch (returned.kind) {
    case "none":
      return undefined;
    case "headers":
      return headersPart(returned.octets);
    case "message":
      return messagePart(returned.octets);
  }
}

function headersOf(read: Buffer): Returned {
  const block = read.subarray(0, headersAtMost);
  const { bodyStart, complete } = parseHeaderBlock(block);
  const header = block.subarray(0, bodyStart);
  // Where it was cut off: up to the last whole line. Otherwise without the blank line.
  const end = complete ? endOfLines(header) : header.lastIndexOf("\r\n") + 2;
  return end <= 2 ? { kind: "none" } : { kind: "headers", octets: header.subarray(0, end) };
}

function endOfLines(header: Buffer): number {
  return header.subarray(-4).toString("latin1") === "\r\n\r\n" ? header.length - 2 : header.length;
}

function headersPart(octets: Buffer): BodyPart {
  const global = !isAscii(octets) && isUtf8(octets);
  const type = global ? "message/global-headers" : "text/rfc822-headers";
  if (isAscii(octets) && isCarriable(octets)) return { type, encoding: "7bit", octets };
  return { type, encoding: "quoted-printable", octets: Buffer.from(quotedPrintable(octets)) };
}

function messagePart(octets: Buffer): BodyPart {
  if (isAscii(octets)) return { type: "message/rfc822", encoding: "7bit", octets };
  const header = octets.subarray(0, parseHeaderBlock(octets).bodyStart);
  // message/rfc822 may not be encoded, and its header must be ASCII; message/global may, and then needs no SMTPUTF8.
  if (isAscii(header) || !isUtf8(header)) return { type: "message/rfc822", encoding: "8bit", octets };
  const lines = octets.toString("base64").match(/.{1,76}/gu) ?? [];
  return { type: "message/global", encoding: "base64", octets: Buffer.from(lines.join("\r\n")) };
}

/** 7bit and 8bit hold no NUL and no line of more than 998 octets (RFC 2045 §2.7, §2.8). */
function isCarriable(octets: Buffer): boolean {
  if (octets.includes(0)) return false;
  for (let start = 0; start < octets.length;) {
    const end = octets.indexOf("\r\n", start);
    if ((end < 0 ? octets.length : end) - start > 998) return false;
    start = end < 0 ? octets.length : end + 2;
  }
  return true;
}
