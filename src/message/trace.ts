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
  readonly protocol: "POP3" | "POP3S" | SmtpProtocol;
  /** What the connection was encrypted with; it stands in a comment. */
  readonly tls?: { readonly protocol: string; readonly cipher: string } | undefined;
  /** Queue id. */
  readonly id: string;
  readonly at: EpochMs;
}

/** How a message was submitted to us: RFC 3848, and RFC 6531 §4.3 where SMTPUTF8 was asked for. `SMTP` is without EHLO. */
export type SmtpProtocol = "SMTP" | `${"ESMTP" | "UTF8SMTP"}${"" | "S"}${"" | "A"}`;

/** The protocol's registered name. `secure`: over TLS; `authenticated`: after a login. */
export function smtpProtocol(session: {
  readonly esmtp: boolean;
  readonly secure: boolean;
  readonly authenticated: boolean;
  readonly smtpUtf8: boolean;
}): SmtpProtocol {
  if (!session.esmtp) return "SMTP";
  const base = session.smtpUtf8 ? "UTF8SMTP" : "ESMTP";
  return `${base}${session.secure ? "S" : ""}${session.authenticated ? "A" : ""}`;
}

const signature = "popgate";

/** The complete field with its line end, folded, in ASCII. */
export function receivedField(options: ReceivedOptions): string {
  const { hostname, from, address, protocol, tls, id, at } = options;
  const peer = address === undefined ? "" : ` ([${literal(address)}])`;
  const encryption = tls === undefined ? "" : ` (${word(tls.protocol)} ${word(tls.cipher)})\r\n\t`;
  return (
    `Received: from ${word(from)}${peer}\r\n` +
    `\tby ${word(hostname)} (${signature}) with ${protocol}${encryption || " "}id ${word(id)};\r\n` +
    `\t${rfc5322Date(at)}\r\n`
  );
}

/** An address as RFC 5321 §4.1.3 writes it between its brackets. */
function literal(address: string): string {
  return address.includes(":") ? `IPv6:${word(address)}` : word(address);
}

/** True for a Received value that `receivedField` wrote for this host name. */
export function isOwnReceived(value: string, hostname: string): boolean {
  // Nearly all of them are others', and reading one costs much more than this.
  if (!value.includes(signature)) return false;
  const { by, byComments } = parseReceived(value);
  return by === hostname.toLowerCase() && byComments[0] === signature;
}

/** What a peer says of itself must not start a line, a comment or a clause of its own. */
function word(text: string): string {
  const clean = text.replace(/[^A-Za-z0-9.:_[\]-]/gu, "?").slice(0, 255);
  return clean === "" ? "unknown" : clean;
}

/** The queue id in a Received value that `receivedField` wrote for a message submitted to this host; else `undefined`. */
export function ownSubmission(value: string, hostname: string): string | undefined {
  if (!isOwnReceived(value, hostname)) return undefined;
  const { with: protocol, id } = parseReceived(value);
  return /^(?:SMTP|(?:ESMTP|UTF8SMTP)S?A?)$/u.test(protocol ?? "") ? id : undefined;
}

/** RFC 5322 §3.3, in UTC. */
export function rfc5322Date(at: EpochMs): string {
  return new Date(at).toUTCString().replace("GMT", "+0000");
}
