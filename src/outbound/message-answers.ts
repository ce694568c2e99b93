/**
 * What a client is told about a message that it has sent, or wants to send: reply code (RFC 5321 §4.2) and status
 * (RFC 3463). A 4xx leaves the mail with the client, which tries again; so it is given whenever the fault may be ours or
 * may pass. A 5xx goes into the report to the sender, and says what is wrong with the mail.
 */
import type { MessageId } from "../core/ids.ts";
import { SpoolError } from "../spool/port.ts";
import type { SmtpAnswer, Verdict } from "./port.ts";

type No = Extract<Verdict, { readonly kind: "no" }>;

export function queuedAs(id: MessageId): SmtpAnswer {
  return { code: 250, enhanced: "2.0.0", text: `queued as ${id}` };
}

/** RFC 1870 §6.3. */
export function tooLarge(limit: number): No {
  return no(552, "5.3.4", `The message is larger than the ${limit} octets that are taken`);
}

export function headerTooLarge(limit: number): No {
  return no(552, "5.3.4", `The header of the message is larger than the ${limit} octets that are taken`);
}

/** RFC 3463 §3.5, X.4.6. */
export function circling(detail: string): No {
  return no(554, "5.4.6", `The message travels in a circle: ${detail}`);
}

/** RFC 2045 §2.7 to §2.9: text with NUL in it is neither 7bit nor 8bit, and BINARYMIME (RFC 3030) is not offered. */
export const holdsNul: No = no(550, "5.6.0", "The message holds a NUL octet, which mail may not");

/** Seldom read by anybody: the client has been lost, or is told something better by whoever reads from it. */
export const incomplete: No = { ...no(451, "4.4.2", "The message did not arrive whole"), close: true };

export const stopping: No = { ...no(421, "4.3.2", "The server is being stopped, try again later"), close: true };

export const spoolFull: No = no(452, "4.3.1", "There is no room for new mail just now, try again later");

export const spoolFailed: No = no(451, "4.3.0", "Mail cannot be stored just now, try again later");

/** The text may be shown to the senders of mail that waits too long: it says what waits, and since when. */
export function queueTooOld(detail: string): No {
  return no(451, "4.3.2", `No new mail is taken just now: ${detail}; try again later`);
}

/** RFC 3463 §3.5, X.4.1. What the relays answered is the operator's business: it may name their accounts. */
export function relaysInTrouble(since: string): No {
  return no(451, "4.4.1", `No new mail is taken just now: no relay can be used since ${since}; try again later`);
}

/** What a failure of the spool means for the client; `undefined` for one that can only be a fault of our own. */
export function answerTo(error: unknown): No | undefined {
  if (!(error instanceof SpoolError)) return undefined;
  switch (error.code) {
    case "SPOOL_FULL":
      return spoolFull;
    case "SPOOL_FAILED":
      return spoolFailed;
    case "SPOOL_UNUSABLE":
      return stopping;
    case "SPOOL_NO_MESSAGE":
    case "SPOOL_DAMAGED":
      return undefined;
  }
}

/** Words from headers and servers are made fit for a reply: one line of printable ASCII. */
function no(code: number, enhanced: string, text: string): No {
  return { kind: "no", answer: { code, enhanced, text: text.replace(/[^ -~]+/gu, "?").slice(0, 400) }, close: false };
}
