/**
 * The status code of a recipient in a report (RFC 3464 §2.3.4, codes of RFC 3463 and the IANA registry). Pure.
 *
 * The server's own code wins; only its class is made to agree with the action, since a report that says "failed, 4.2.2"
 * is read as temporary by programs. Without one: the class and 0.0 for a reply, and a code of ours for all else.
 */
import type { Cause, SmtpReply } from "../core/outcome.ts";
import type { Happening } from "./report-facts.ts";

export function statusOf(happening: Happening): string {
  switch (happening.kind) {
    case "relayed":
      return ofReply("2", happening.reply);
    case "delayed":
      return happening.cause === undefined ? "4.4.1" : ofCause("4", happening.cause);
    case "expired":
      // X.4.7: delivery time expired. What the last attempt ran into stands in Diagnostic-Code.
      return "5.4.7";
    case "bounced":
      return ofCause("5", happening.cause);
  }
}

/** RFC 3463 §2: class, subject and detail. The latter two; `undefined` for what is no code. */
export function subjectAndDetail({ enhanced }: SmtpReply): string | undefined {
  return /^[245]\.(\d{1,3}\.\d{1,3})$/u.exec(enhanced ?? "")?.[1];
}

function ofReply(severity: string, reply: SmtpReply): string {
  return `${severity}.${subjectAndDetail(reply) ?? "0.0"}`;
}

function ofCause(severity: "4" | "5", cause: Cause): string {
  switch (cause.kind) {
    case "reply":
      return ofReply(severity, cause.reply);
    case "connection":
      // X.4.4: no route, which is what a name that cannot be found means; X.4.2: the connection broke; X.4.1: no answer.
      if (isUnknownName(cause.code)) return `${severity}.4.4`;
      return cause.phase === "connect" || cause.phase === "greeting" ? `${severity}.4.1` : `${severity}.4.2`;
    case "tls":
      return `${severity}.7.5`;
    case "extension":
      return `${severity}.${extensionDetail[cause.missing]}`;
    case "size":
      return `${severity}.3.4`;
    case "returned":
      // No code says that a person did it: only the class is known (RFC 3463 §3.1).
      return `${severity}.0.0`;
    case "internal":
      return `${severity}.3.0`;
  }
}

/** RFC 6531 §3.5 (X.6.7), RFC 3463 §3.7 (X.6.3), RFC 8689 §4.2.1 (X.7.30). */
const extensionDetail = { SMTPUTF8: "6.7", "8BITMIME": "6.3", REQUIRETLS: "7.30" } as const;

/** Codes of Node's resolver. */
export function isUnknownName(code: string): boolean {
  return ["ENOTFOUND", "EAI_AGAIN", "EDNS", "ENODATA", "ESERVFAIL"].includes(code);
}
