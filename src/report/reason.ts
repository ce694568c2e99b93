/**
 * What a cause means for the person who wrote the message: one of a few reasons, each with words in both languages. Pure.
 *
 * A specific enhanced code decides (RFC 3463, RFC 7372, RFC 7505, the IANA registry); the general ones (X.0.0, X.7.1 …)
 * are used for everything, and there the server's own words are looked at, then the phase. What nothing is known of is
 * `refused` or `busy`, and never more than that: the server's words stand below, unless they are for the log alone.
 */
import type { Cause, SmtpPhase, SmtpReply } from "../core/outcome.ts";
import { isUnknownName, subjectAndDetail } from "./status.ts";

export type Reason =
  | "no-mailbox"
  | "mailbox-closed"
  | "no-domain"
  | "bad-address"
  | "mailbox-full"
  | "too-large"
  | "spam"
  | "sender"
  | "sender-unproved"
  | "policy"
  | "content"
  | "no-utf8"
  | "no-eight-bit"
  | "no-require-tls"
  | "loop"
  | "too-many"
  | "busy"
  | "unreachable"
  | "name-unknown"
  | "tls"
  | "login"
  | "returned"
  | "own-fault"
  | "refused";

export function reasonOf(cause: Cause): Reason {
  switch (cause.kind) {
    case "reply":
      return ofReply(cause.phase, cause.reply);
    case "connection":
      return isUnknownName(cause.code) ? "name-unknown" : "unreachable";
    case "tls":
      return "tls";
    case "extension":
      return extensionReason[cause.missing];
    case "size":
      return "too-large";
    case "returned":
      return "returned";
    case "internal":
      return "own-fault";
  }
}

/**
 * Whether the words of a cause are the operator's business alone: what went wrong within popgate, who returned a message,
 * and what was said to our login, which may name our account. The sender may be anybody.
 */
export function isForTheLogAlone(cause: Cause): boolean {
  if (cause.kind === "internal" || cause.kind === "returned") return true;
  return (cause.kind === "reply" || cause.kind === "connection") && cause.phase === "auth";
}

const extensionReason = { SMTPUTF8: "no-utf8", "8BITMIME": "no-eight-bit", REQUIRETLS: "no-require-tls" } as const;

const byDetail: Readonly<Record<string, Reason>> = {
  "1.1": "no-mailbox",
  "1.2": "no-domain",
  "1.3": "bad-address",
  "1.4": "bad-address",
  "1.6": "no-mailbox",
  "1.7": "sender",
  "1.8": "sender",
  "2.1": "mailbox-closed",
  "2.2": "mailbox-full",
  "2.3": "too-large",
  "3.1": "busy",
  "3.2": "busy",
  "3.4": "too-large",
  "4.1": "unreachable",
  "4.2": "unreachable",
  "4.3": "name-unknown",
  "4.4": "no-domain",
  "4.5": "busy",
  "4.6": "loop",
  "4.14": "loop",
  "4.7": "unreachable",
  "5.3": "too-many",
  "6.1": "content",
  "6.2": "content",
  "6.3": "no-eight-bit",
  "6.7": "no-utf8",
  "7.5": "tls",
  "7.8": "login",
  "7.9": "login",
  "7.20": "sender-unproved",
  "7.21": "sender-unproved",
  "7.22": "sender-unproved",
  "7.23": "sender-unproved",
  "7.24": "sender-unproved",
  "7.26": "sender-unproved",
  "7.27": "sender",
  "7.28": "spam",
  "7.30": "no-require-tls",
  "7.57": "login",
  "7.60": "sender",
  // Exchange Online: the recipient takes mail of certain senders only. The words speak of authentication.
  "7.124": "policy",
  "7.133": "policy",
  "7.134": "policy",
  "7.136": "policy",
};

/** In this order: "mailbox full" must not be read as "mailbox unavailable". */
const byWords: readonly (readonly [RegExp, Reason])[] = [
  [/gr[ae]y-?\s?list/iu, "busy"],
  [/\b(?:spf|dkim|dmarc)\b/iu, "sender-unproved"],
  [/spam|junk|virus|malware|phish|black\s?list|block\s?list|\bd?nsbl\b|\brbl\b|reputation/iu, "spam"],
  [/\bquota\b|mailbox (?:is )?(?:over)?full|storage (?:limit|allocation)|insufficient storage/iu, "mailbox-full"],
  [/too (?:large|big|long)|size (?:limit|exceed)|exceeds? .{0,40}\bsize\b|max(?:imum)? .{0,20}size/iu, "too-large"],
  [/\b(?:not authenticated|authentication (?:is )?required|authenticate first)\b/iu, "login"],
  [
    /sender .{0,40}\b(?:reject|denied|not (?:allowed|owned|permitted|verified)|unknown)|not allowed to send/iu,
    "sender",
  ],
  [
    /(?:unknown|no such|invalid|non-?existent) (?:local )?(?:user|mailbox|recipient|address|person|account)|(?:user|mailbox|recipient|address|account)(?:NotFound\b|\b.{0,60}\b(?:unknown|unavailable|not found|not known|not exist|n.t exist|invalid))/iu,
    "no-mailbox",
  ],
  [/(?:domain|host)\b.{0,60}\b(?:not found|not exist|n.t exist|unknown)|null\s?mx/iu, "no-domain"],
  [/too many (?:hops|received)|\bloop/iu, "loop"],
  [/too many (?:recipients|messages|connections)|rate limit/iu, "too-many"],
];

function ofReply(phase: SmtpPhase, reply: SmtpReply): Reason {
  const detail = subjectAndDetail(reply);
  // A refused MAIL is about who sends, whatever the code says of addresses (5.1.0, 5.1.1 are seen there).
  if (phase === "mail" && detail?.startsWith("1.") === true) return "sender";
  // Exchange Online answers RCPT to an address that it does not know by 550 5.4.1, "Access denied".
  if (phase === "rcpt" && detail === "4.1" && reply.code >= 500) return "no-mailbox";
  const known = detail === undefined ? undefined : byDetail[detail];
  if (known !== undefined) return known;
  const words = byWords.find(([pattern]) => pattern.test(reply.text))?.[1];
  return words ?? general(phase, reply, detail);
}

function general(phase: SmtpPhase, { code }: SmtpReply, detail: string | undefined): Reason {
  if (phase === "auth") return "login";
  if (phase === "starttls") return "tls";
  if (code === 552) return phase === "rcpt" ? "mailbox-full" : "too-large";
  if (code === 553) return phase === "mail" ? "sender" : "bad-address";
  if (code < 500) return "busy";
  if (phase === "mail") return "sender";
  // RFC 7505 (the domain takes no mail) and, with words that say so, Exchange's "recipient not found".
  if (detail === "1.10") return "no-domain";
  switch (detail?.split(".")[0]) {
    case "1":
      return "no-mailbox";
    case "2":
      return "mailbox-closed";
    case "6":
      return "content";
    case "7":
      return "policy";
    case undefined:
    default:
      return "refused";
  }
}
