/**
 * What became of one recipient in one attempt, and why. An unknown failure is `deferred`, never `refused`: a refusal
 * needs a 5yz reply to that recipient or that message. Trouble with DNS, TCP, TLS or AUTH is trouble of the path, not
 * of the mail, and defers.
 */

/** An SMTP reply as the server sent it (RFC 5321 §4.2), its lines joined by a line feed. */
export interface SmtpReply {
  readonly code: number;
  /** RFC 3463 status such as `5.1.1`, if the server gave one. */
  readonly enhanced: string | undefined;
  readonly text: string;
}

/** Where in an SMTP session something happened. `dot` is the reply after the final dot. */
export type SmtpPhase =
  | "connect"
  | "greeting"
  | "ehlo"
  | "starttls"
  | "auth"
  | "mail"
  | "rcpt"
  | "data"
  | "body"
  | "dot";

export type Cause =
  | { readonly kind: "reply"; readonly phase: SmtpPhase; readonly reply: SmtpReply }
  /** TCP, DNS, time-out, or a connection that ended early. `code` is Node's or nodemailer's, for the administrator. */
  | { readonly kind: "connection"; readonly phase: SmtpPhase; readonly code: string; readonly message: string }
  | { readonly kind: "tls"; readonly message: string }
  /** The target lacks an extension that this message needs and that cannot be done without. */
  | { readonly kind: "extension"; readonly missing: "SMTPUTF8" | "8BITMIME" | "REQUIRETLS"; readonly message: string }
  /** Larger than the target's announced SIZE (RFC 1870). Octets. */
  | { readonly kind: "size"; readonly limit: number; readonly size: number }
  /** An administrator has returned it to its sender. */
  | { readonly kind: "returned"; readonly by: string }
  /** Our own fault, or the spool's. */
  | { readonly kind: "internal"; readonly message: string };

export type Outcome =
  | { readonly kind: "delivered"; readonly reply: SmtpReply }
  | { readonly kind: "deferred"; readonly cause: Cause }
  | { readonly kind: "refused"; readonly cause: Cause }
  /** The connection was lost between the final dot and its reply (RFC 5321 §4.5.3.2.6): it may have been taken. */
  | { readonly kind: "unconfirmed"; readonly cause: Cause };

/** One line for a person: what happened, where, in the server's words. */
export function causeText(cause: Cause): string {
  switch (cause.kind) {
    case "reply":
      return `${cause.phase}: ${replyText(cause.reply)}`;
    case "connection":
      return `${cause.phase}: ${cause.message} (${cause.code})`;
    case "tls":
      return `TLS: ${cause.message}`;
    case "extension":
      return `the server does not offer ${cause.missing}: ${cause.message}`;
    case "size":
      return `message of ${cause.size} octets, the server takes ${cause.limit}`;
    case "returned":
      return `returned to the sender by ${cause.by}`;
    case "internal":
      return `internal: ${cause.message}`;
  }
}

/** `550 5.1.1 No such user` on one line. */
export function replyText(reply: SmtpReply): string {
  const text = reply.text.replace(/\s*[\r\n]+\s*/gu, " / ");
  return [reply.code, reply.enhanced, text].filter((part) => part !== undefined && part !== "").join(" ");
}
