/**
 * The numbered mail of a torture run, and what can be read of it where it arrives. An outbound recipient's address holds
 * the number of its message (`o17-2@else.example`), so that a report says by itself which message it is about.
 */
import { createHash } from "node:crypto";
import type { Chance } from "./chance.ts";

export type BoxName = "sammel" | "lager" | "post";

export interface NumberedMail {
  /** `i17` inbound, `o17` outbound. */
  readonly number: string;
  /** As the audit calls it: an account, or `listener`. */
  readonly origin: BoxName | "listener";
  /** In the envelope. */
  readonly from: string;
  readonly recipients: readonly string[];
  /** What is put into the box, or handed over: several when the provider stores one copy for each recipient. */
  readonly copies: readonly Buffer[];
  /** Of the body. */
  readonly digest: string;
  /** By recipient: NOTIFY (RFC 3461 §4.1). None: the sender has not said. */
  readonly wishes: ReadonlyMap<string, Wish>;
}

/** NOTIFY=NEVER is not among them: what is then refused leaves no trace at the sender's, and cannot be judged from there. */
type Wish = "SUCCESS,FAILURE,DELAY" | "FAILURE";

/** What a report says of a recipient (RFC 3464 §2.3.3). */
interface Told {
  readonly recipient: string;
  readonly action: "failed" | "delayed" | "relayed";
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
  /** What it says when it is a report; else empty. */
  readonly told: readonly Told[];
  /** An envelope field that should have been removed. */
  readonly leak: string | undefined;
}

/** Each has a relay of his own, for which the other one stands in. */
export const senders = { relay: "chef@firma.example", zweit: "info@firma.example" } as const;

/** What of a message is not left to chance. */
export interface MailWish {
  /** Of the body. */
  readonly lines?: number | undefined;
  /** Of an outbound one. */
  readonly from?: string | undefined;
}

/** The relays refuse every recipient there. */
export const deadDomain = "weg.example";
const locals = ["anna", "bernd", "chef", "dora", "emil", "frieda"];
const date = "Tue, 24 Nov 2026 08:00:00 +0000";

export function inboundMail(count: number, chance: Chance, wish: MailWish = {}): NumberedMail {
  const number = `i${count}`;
  const origin = chance.pick(["sammel", "sammel", "lager", "post"]);
  const first = chance.whole(0, locals.length - 1);
  const several = Array.from(
    { length: chance.whole(1, 4) },
    (_, at) => `${locals[(first + at) % locals.length] ?? ""}@firma.example`,
  );
  const recipients = origin === "post" ? ["post@firma.example"] : several;
  const from = "From: Kunde <kunde@else.example>\r\nTo: Firma <info@firma.example>\r\n";
  const { body, rest, digest } = composed(number, chance, wish.lines);
  const copies = envelopes(origin, number, recipients).map((envelope) =>
    Buffer.concat([Buffer.from(`${envelope}${from}${rest}`), body]),
  );
  return { number, origin, from: "kunde@else.example", recipients, copies, digest, wishes: new Map() };
}

/** Above the header fields that the sender wrote; Exim stores one copy, Postfix one for each recipient. */
function envelopes(origin: BoxName, number: string, recipients: readonly string[]): string[] {
  const returnPath = "Return-Path: <kunde@else.example>\r\n";
  const from = "Received: from sender.example ([192.0.2.25])\r\n\tby mx.provider.example";
  if (origin === "sammel") {
    const only = recipients.length === 1 ? `\r\n\tfor ${recipients[0] ?? ""}` : "";
    return [
      `${returnPath}Envelope-to: ${recipients.join(", ")}\r\nDelivery-date: ${date}\r\n` +
        `${from} with esmtp (Exim 4.98)\r\n\t(envelope-from <kunde@else.example>)\r\n\tid 1torture-${number}${only};\r\n\t${date}\r\n`,
    ];
  }
  const postfix = `${from} (Postfix) with ESMTP id 4torture${number}`;
  if (origin === "post") return [`${returnPath}${postfix};\r\n\t${date}\r\n`];
  return recipients.map(
    (recipient) =>
      `${returnPath}X-Original-To: ${recipient}\r\nDelivered-To: lager@provider.example\r\n` +
      `${postfix}\r\n\tfor <${recipient}>; ${date}\r\n`,
  );
}

export function outboundMail(count: number, chance: Chance, wish: MailWish = {}): NumberedMail {
  const number = `o${count}`;
  const recipients = Array.from({ length: chance.whole(1, 4) }, (_, at) => {
    const domain = chance.next() < 0.15 ? deadDomain : "else.example";
    return `${number}-${at}@${domain}`;
  });
  const wishes = new Map<string, Wish>();
  for (const recipient of recipients)
    if (chance.next() < 0.3) wishes.set(recipient, chance.pick(["SUCCESS,FAILURE,DELAY", "FAILURE"]));
  const { body, rest, digest } = composed(number, chance, wish.lines);
  const sender = wish.from ?? chance.pick([senders.relay, senders.zweit]);
  const head = `From: Chef <${sender}>\r\nTo: Kunden <kunden@else.example>\r\n${rest}`;
  return {
    number,
    origin: "listener",
    from: sender,
    recipients,
    copies: [Buffer.concat([Buffer.from(head), body])],
    digest,
    wishes,
  };
}

function composed(
  number: string,
  chance: Chance,
  wanted: number | undefined,
): { readonly body: Buffer; readonly rest: string; readonly digest: string } {
  const lines = wanted ?? (chance.next() < 0.2 ? chance.whole(500, 3000) : chance.whole(1, 40));
  // Lines that begin with a dot, and a final one, try the transparency of both protocols.
  const text = Array.from(
    { length: lines },
    (_, at) => `${at % 7 === 0 ? "." : ""}${number} line ${at} of ${lines}\r\n`,
  );
  const body = Buffer.from(`${text.join("")}.\r\n`);
  const rest =
    `Subject: torture ${number}\r\nDate: Tue, 24 Nov 2026 09:00:00 +0100\r\n` +
    `Message-ID: <${number}@torture.example>\r\n\r\n`;
  return { body, rest, digest: digestOf(body) };
}

/** The number in a Message-ID, with or without its brackets. */
export function numberIn(messageId: string): string | undefined {
  return /^<?([io]\d+)@torture\.example>?$/u.exec(messageId)?.[1];
}

/** The field that popgate adds. Its own mail has none, and the id in its Message-ID. */
const received = /^Received:(?:[^\r]|\r\n[ \t])*?by popgate\.firma\.example(?:[^\r]|\r\n(?=[ \t]))*?\sid (\w+)/imu;
const envelopeField = /^(?:Envelope-To|X-Original-To|Delivered-To|Return-Path|Bcc):/imu;

export function arrivalOf(raw: Buffer): Arrival {
  const end = raw.indexOf("\r\n\r\n");
  const header = raw.toString("latin1", 0, end < 0 ? raw.length : end + 2);
  const messageId = /^Message-ID:\s*<([^>]+)>/imu.exec(header)?.[1] ?? "";
  return {
    number: numberIn(messageId),
    id: received.exec(header)?.[1] ?? /^(\w+)\.\w+@/u.exec(messageId)?.[1] ?? "",
    messageId,
    digest: digestOf(raw.subarray(end < 0 ? raw.length : end + 4)),
    told: header.includes("report-type=delivery-status") ? toldIn(raw.toString("latin1")) : [],
    leak: envelopeField.exec(header)?.[0],
  };
}

/** Per-recipient fields of a report (RFC 3464 §2.3). */
function toldIn(text: string): Told[] {
  return text.split(/\r\n\r\n/u).flatMap((block) => {
    const recipient = /^Final-Recipient:\s*[\w-]+;\s*(\S+)/imu.exec(block)?.[1];
    const action = /^Action:\s*(\w+)/imu.exec(block)?.[1];
    const known = action === "failed" || action === "delayed" || action === "relayed";
    return recipient !== undefined && known ? [{ recipient, action }] : [];
  });
}

function digestOf(octets: Buffer): string {
  return createHash("sha256").update(octets).digest("hex");
}
