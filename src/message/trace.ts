/**
 * Our own Received field (RFC 5321 §4.4; protocol names of RFC 3848 and RFC 6531 §4.3), and how it is known again.
 *
 * It names no recipient: the header of a message with several must not tell one of another. `POP3` and `POP3S` are
 * not registered names, but say what happened; other collectors write the same.
 *
 * The comment after our name in `by` is the signature. Together with the name it tells a message that has been here
 * before from one that has merely been relayed by another popgate.
 */
import type { EpochMs } from "../core/ports.ts";
import { parseReceived } from "./received.ts";

export interface ReceivedOptions {
  /** Our own name. */
  readonly hostname: string;
  /** Whom it came from: the POP3 server's name, or what the SMTP client said in EHLO. */
  readonly from: string;
  /** The peer's IP address, where known. */
  readonly address: string | undefined;
  /** `POP3` and `POP3S` are ours; the others are of RFC 3848 and RFC 6531. */
  readonly protocol:
    | "POP3"
    | "POP3S"
    | "SMTP"
    | "ESMTP"
    | "ESMTPA"
    | "ESMTPS"
    | "ESMTPSA"
    | "UTF8SMTP"
    | "UTF8SMTPA"
    | "UTF8SMTPS"
    | "UTF8SMTPSA";
  /** Queue id. */
  readonly id: string;
  readonly at: EpochMs;
}

const signature = "popgate";

/** The complete field with its line end, folded, in ASCII. */
export function receivedField(options: ReceivedOptions): string {
  const { hostname, from, address, protocol, id, at } = options;
  const peer = address === undefined ? "" : ` ([${word(address)}])`;
  return (
    `Received: from ${word(from)}${peer}\r\n` +
    `\tby ${word(hostname)} (${signature}) with ${protocol} id ${word(id)};\r\n` +
    `\t${rfc5322Date(at)}\r\n`
  );
}

/** True for a Received value that `receivedField` wrote for this host name. */
export function isOwnReceived(value: string, hostname: string): boolean {
  const { by, byComments } = parseReceived(value);
  return by === hostname.toLowerCase() && byComments[0] === signature;
}

/** What a peer says of itself must not start a line, a comment or a clause of its own. */
function word(text: string): string {
  const clean = text.replace(/[^A-Za-z0-9.:_[\]-]/gu, "?").slice(0, 255);
  return clean === "" ? "unknown" : clean;
}

/** RFC 5322 §3.3, in UTC. */
function rfc5322Date(at: EpochMs): string {
  return new Date(at).toUTCString().replace("GMT", "+0000");
}
