/**
 * The part of a report that programs read: message/delivery-status (RFC 3464), or message/global-delivery-status where
 * an address is not ASCII (RFC 6533 §4). Pure.
 *
 * ENVID and ORCPT are given decoded: RFC 3461 §4.2 and §4.4 want their values printable because this format carries them
 * so. A value that is not, or that is longer than any line may be, is left out: it cannot be given back as it was.
 */
import { causeText, replyText, type Cause } from "../core/outcome.ts";
import type { EpochMs } from "../core/ports.ts";
import { plain } from "./plain.ts";
import { mtaName } from "./remote-host.ts";
import type { Happening, OriginalFacts, RecipientFacts } from "./report-facts.ts";
import { isForTheLogAlone } from "./reason.ts";
import { statusOf } from "./status.ts";

export interface DeliveryStatus {
  /** Addresses in it are UTF-8. */
  readonly global: boolean;
  /** Lines ended by CRLF, of at most 998 octets. */
  readonly text: string;
}

/** Octets of one field's value: with its name a line stays below 998 (RFC 5322 §2.1.1) even where nothing can be folded. */
const longestValue = 900;
const wantedLine = 76;

export function deliveryStatus(
  hostname: string,
  original: OriginalFacts,
  recipients: readonly RecipientFacts[],
): DeliveryStatus {
  const global = recipients.some(({ address, orcpt }) => !isAscii(address) || !isAscii(printable(orcpt) ?? ""));
  const envid = printable(original.envid);
  const blocks = [
    [
      ...(envid === undefined || !isAscii(envid) ? [] : [`Original-Envelope-Id: ${envid}`]),
      `Reporting-MTA: dns; ${hostname}`,
      `Arrival-Date: ${date(original.receivedAt)}`,
    ],
    ...recipients.map((recipient) => recipientFields(recipient, original, global)),
  ];
  return { global, text: blocks.map((fields) => fields.map((field) => `${field}\r\n`).join("")).join("\r\n") };
}

/** RFC 5322 §3.3, in UTC. */
export function date(at: EpochMs): string {
  return new Date(at).toUTCString().replace("GMT", "+0000");
}

function recipientFields(recipient: RecipientFacts, original: OriginalFacts, global: boolean): string[] {
  const { address, orcpt, happening, remote, lastAttemptAt } = recipient;
  const diagnostic = diagnosticOf(happening);
  return [
    ...originalRecipient(orcpt),
    // Never folded: a quoted local part can hold spaces, and an address is short enough by its type.
    `Final-Recipient: ${isAscii(address) ? "rfc822" : "utf-8"}; ${address}`,
    `Action: ${actionOf(happening)}`,
    `Status: ${statusOf(happening)}`,
    ...(remote === undefined ? [] : [`Remote-MTA: dns; ${mtaName(remote)}`]),
    ...(diagnostic === undefined ? [] : [folded("Diagnostic-Code", global ? diagnostic : ascii(diagnostic))]),
    ...(lastAttemptAt === undefined ? [] : [`Last-Attempt-Date: ${date(lastAttemptAt)}`]),
    ...(happening.kind === "delayed" ? [`Will-Retry-Until: ${date(original.until)}`] : []),
  ];
}

function actionOf({ kind }: Happening): "failed" | "delayed" | "relayed" {
  return kind === "bounced" || kind === "expired" ? "failed" : kind;
}

/** RFC 3464 §2.3.1, RFC 6533 §3: an address that is not ASCII is of type utf-8. */
function originalRecipient(orcpt: string | undefined): string[] {
  const value = printable(orcpt);
  const parts = value === undefined ? null : /^([A-Za-z0-9-]{1,40});\s*(\S.*)$/u.exec(value);
  if (parts === null) return [];
  const [, type = "", address = ""] = parts;
  return [`Original-Recipient: ${isAscii(address) ? type : "utf-8"}; ${address}`];
}

/** `smtp` for the server's own words (RFC 3464 §2.3.6), a type of ours for what we saw. */
function diagnosticOf(happening: Happening): string | undefined {
  if (happening.kind === "relayed") return `smtp; ${replyText(happening.reply)}`;
  return happening.cause === undefined ? undefined : causeDiagnostic(happening.cause);
}

function causeDiagnostic(cause: Cause): string | undefined {
  if (isForTheLogAlone(cause)) return undefined;
  return cause.kind === "reply" ? `smtp; ${replyText(cause.reply)}` : `x-popgate; ${causeText(cause)}`;
}

/** The field, folded at spaces (RFC 5322 §2.2.3), its value on one line and within bounds. */
function folded(name: string, text: string): string {
  let line = `${name}:`;
  const lines: string[] = [];
  for (const word of inOctets(plain(text, longestValue)).split(" ")) {
    if (line.length + 1 + word.length > wantedLine && line !== `${name}:` && line !== "") {
      lines.push(line);
      line = "";
    }
    line += ` ${word}`;
  }
  return [...lines, line].join("\r\n");
}

function inOctets(text: string): string {
  const octets = Buffer.from(text);
  return octets.length <= longestValue ? text : octets.toString("utf8", 0, longestValue).replace(/\uFFFD$/u, "");
}

function printable(value: string | undefined): string | undefined {
  if (value === undefined || value.trim() === "" || Buffer.byteLength(value) > longestValue) return undefined;
  return /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u.test(value) ? undefined : value.trim();
}

function isAscii(text: string): boolean {
  return /^\p{ASCII}*$/u.test(text);
}

function ascii(text: string): string {
  return text.replace(/[^\p{ASCII}]/gu, "?");
}
