/** Our own Received field (RFC 5321 §4.4), and how it is known again. */
import type { EpochMs } from "../core/ports.ts";

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

/** The complete field with its line end, folded, in ASCII. It names no recipient. */
export function receivedField(options: ReceivedOptions): string {
  throw new TypeError(`not written yet: ${options.id}`);
}

/** True for a Received value (unfolded) that `receivedField` wrote for this host name. */
export function isOwnReceived(value: string, hostname: string): boolean {
  throw new TypeError(`not written yet: ${value} ${hostname}`);
}
