/**
 * The numbered mail of a torture run, and what can be read of it where it arrives. An outbound recipient's address holds
 * the number of its message (`o17-2@else.example`), so that a report says by itself which message it is about.
 */
import { createHash } from "node:crypto";
import type { Chance } from "./chance.ts";

export interface NumberedMail {
  /** `i17` inbound, `o17` outbound. */
  readonly number: string;
  readonly recipients: readonly string[];
  readonly raw: Buffer;
  /** Of the body. */
  readonly digest: string;
}

/** What arrived. */
export interface Arrival {
  /** `undefined`: no numbered mail. */
  readonly number: string | undefined;
  /** Queue id by the Received field that popgate wrote. */
  readonly id: string;
  readonly messageId: string;
  /** Of the body. */
  readonly digest: string;
  /** Recipients that it reports the failure of; empty when it is no such report. */
  readonly failed: readonly string[];
}

export const sender = "chef@firma.example";
/** The relay refuses every recipient there. */
export const deadDomain = "weg.example";
const locals = ["anna", "bernd", "chef", "dora", "emil", "frieda"];

export function inboundMail(count: number, chance: Chance): NumberedMail {
  const number = `i${count}`;
  const first = chance.whole(0, locals.length - 1);
  const recipients = Array.from(
    { length: chance.whole(1, 4) },
    (_, at) => `${locals[(first + at) % locals.length] ?? ""}@firma.example`,
  );
  const only = recipients.length === 1 ? `\r\n\tfor ${recipients[0] ?? ""}` : "";
  const envelope =
    "Return-path: <kunde@else.example>\r\n" +
    `Envelope-to: ${recipients.join(", ")}\r\n` +
    "Delivery-date: Tue, 24 Nov 2026 08:00:00 +0000\r\n" +
    "Received: from sender.example ([192.0.2.25])\r\n\tby mx.provider.example with esmtp (Exim 4.98)\r\n" +
    `\t(envelope-from <kunde@else.example>)\r\n\tid 1torture-${number}${only};\r\n\tTue, 24 Nov 2026 08:00:00 +0000\r\n`;
  return composed(
    number,
    recipients,
    `${envelope}From: Kunde <kunde@else.example>\r\nTo: Firma <info@firma.example>\r\n`,
    chance,
  );
}

export function outboundMail(count: number, chance: Chance): NumberedMail {
  const number = `o${count}`;
  const recipients = Array.from({ length: chance.whole(1, 4) }, (_, at) => {
    const domain = chance.next() < 0.15 ? deadDomain : "else.example";
    return `${number}-${at}@${domain}`;
  });
  return composed(number, recipients, `From: Chef <${sender}>\r\nTo: Kunden <kunden@else.example>\r\n`, chance);
}

function composed(number: string, recipients: readonly string[], head: string, chance: Chance): NumberedMail {
  const lines = chance.next() < 0.2 ? chance.whole(500, 3000) : chance.whole(1, 40);
  // Lines that begin with a dot, and a final one, try the transparency of both protocols.
  const text = Array.from(
    { length: lines },
    (_, at) => `${at % 7 === 0 ? "." : ""}${number} line ${at} of ${lines}\r\n`,
  );
  const body = Buffer.from(`${text.join("")}.\r\n`);
  const header =
    `${head}Subject: torture ${number}\r\nDate: Tue, 24 Nov 2026 09:00:00 +0100\r\n` +
    `Message-ID: <${number}@torture.example>\r\n\r\n`;
  return { number, recipients, raw: Buffer.concat([Buffer.from(header), body]), digest: digestOf(body) };
}

/** The field that popgate adds. Its own mail has none, and the id in its Message-ID. */
const received = /^Received:(?:[^\r]|\r\n[ \t])*?by popgate\.firma\.example(?:[^\r]|\r\n[ \t])*? id (\w+)/imu;

export function arrivalOf(raw: Buffer): Arrival {
  const end = raw.indexOf("\r\n\r\n");
  const header = raw.toString("latin1", 0, end < 0 ? raw.length : end + 2);
  const messageId = /^Message-ID:\s*<([^>]+)>/imu.exec(header)?.[1] ?? "";
  const failed = header.includes("report-type=delivery-status") ? failuresIn(raw.toString("latin1")) : [];
  return {
    number: /^([io]\d+)@torture\.example$/u.exec(messageId)?.[1],
    id: received.exec(header)?.[1] ?? /^(\w+)\.\w+@/u.exec(messageId)?.[1] ?? "",
    messageId,
    digest: digestOf(raw.subarray(end < 0 ? raw.length : end + 4)),
    failed,
  };
}

/** Per-recipient fields of a report whose Action is `failed` (RFC 3464 §2.3). */
function failuresIn(text: string): string[] {
  return text.split(/\r\n\r\n/u).flatMap((block) => {
    const recipient = /^Final-Recipient:\s*[\w-]+;\s*(\S+)/imu.exec(block)?.[1];
    return recipient !== undefined && /^Action:\s*failed/imu.test(block) ? [recipient] : [];
  });
}

function digestOf(octets: Buffer): string {
  return createHash("sha256").update(octets).digest("hex");
}
