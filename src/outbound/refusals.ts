/**
 * The words with which clients are refused, each with its reply code (RFC 5321 §4.2, RFC 4954 §6) and its status
 * (RFC 3463). Exchange puts them into the report to the sender, so they say what to do where the sender, or whoever looks
 * after the server, can do something. Nothing here tells a stranger which users or addresses there are.
 */
import type { SmtpAnswer, Verdict } from "./port.ts";

export type Refusal = Extract<Verdict, { kind: "no" }>;

function no(code: number, enhanced: string, text: string): Refusal {
  return { kind: "no", answer: answer(code, enhanced, text), close: false };
}

function goodbye(code: number, enhanced: string, text: string): Refusal {
  return { kind: "no", answer: answer(code, enhanced, text), close: true };
}

/** What comes from a client or a file is made fit for a reply: one line, printable ASCII, at most 400 octets. */
function answer(code: number, enhanced: string, text: string): SmtpAnswer {
  return { code, enhanced, text: text.replace(/[^ -~]+/gu, "?").slice(0, 400) };
}

export const ok: Verdict = { kind: "ok" };

export const refusals = {
  // At connect
  stranger: goodbye(554, "5.7.1", "Access denied: this server takes mail from known networks only"),
  lockedOut: goodbye(421, "4.7.0", "Too many failed logins, try again later"),
  tooManyConnections: goodbye(421, "4.3.2", "Too many connections, try again later"),
  tooManyOfClient: goodbye(421, "4.7.0", "Too many connections from your address, try again later"),
  // AUTH
  /** RFC 4954 §6. */
  needsTls: no(538, "5.7.11", "Encryption required: log in after STARTTLS"),
  noLogins: no(503, "5.5.1", "Logins are not possible here"),
  wrongLogin: no(535, "5.7.8", "User name or password is wrong"),
  lastWrongLogin: goodbye(421, "4.7.0", "User name or password is wrong, too often"),
  loginsBusy: no(454, "4.7.0", "Too many logins at once, try again later"),
  loginFault: no(454, "4.7.0", "Logins cannot be checked just now, try again later"),
  ended: goodbye(421, "4.3.2", "The connection is being closed"),
  // MAIL and RCPT
  loginNeeded: no(530, "5.7.0", "Authentication required"),
  /** RFC 3207 §4. */
  tlsNeeded: no(530, "5.7.0", "Authentication required: issue STARTTLS first, then log in"),
  tooFast: no(450, "4.7.1", "Too many messages in a minute from your address, try again later"),
  tooManyRecipients: no(452, "4.5.3", "Too many recipients of one message, send to the others in another one"),
  sourceRoute: no(553, "5.1.3", "Source routes are not supported"),
  literalRecipient: no(550, "5.1.2", "Addresses with an IP address instead of a domain are not supported"),
} as const;

/** RFC 1870 §6.1. */
export function tooLarge(size: number, limit: number): Refusal {
  return no(552, "5.3.4", `Message of ${size} octets is too large, at most ${limit} are taken`);
}

export function senderNotAllowed(domain: string): Refusal {
  return no(
    550,
    "5.7.1",
    `Senders of ${domain} may not send through this server; its administrator can add the domain to listener.sender_domains`,
  );
}

export function unreachableDomain(domain: string): Refusal {
  return no(550, "5.1.2", `${domain} is not a domain that mail can be sent to`);
}
