/**
 * What a failure means for a recipient, and for the destination as a whole. Pure.
 *
 * - A refusal needs a 5yz reply to this sender, this recipient or this message. A 5yz reply to the connection, to EHLO,
 *   STARTTLS or AUTH, or one that speaks of the session (not authenticated, TLS required, bad sequence), is trouble of the
 *   path: deferred.
 * - A connection lost while the reply to the final dot is awaited is unconfirmed (RFC 5321 §4.5.3.2.6), before it deferred.
 * - Whatever is not known defers.
 */
import type { Cause, Outcome, SmtpPhase, SmtpReply } from "../core/outcome.ts";
import type { TransactionResult } from "./transport.ts";

/** How an attempt ended, where it was, and with which words. */
export interface Failure {
  readonly phase: SmtpPhase;
  readonly reply: SmtpReply | undefined;
  /** Certificate or handshake. */
  readonly tls: boolean;
  /** Node's or nodemailer's code. */
  readonly code: string;
  readonly message: string;
}

/** Phases whose replies can be about this mail and not about the session. */
const aboutMail: ReadonlySet<SmtpPhase> = new Set(["mail", "rcpt", "data", "body", "dot"]);
/** Not recognised, not implemented, bad sequence, authentication required or too weak, encryption required. */
const aboutSession: ReadonlySet<number> = new Set([500, 502, 503, 504, 523, 530, 534, 535, 538]);

/** nodemailer would not send it: an envelope or a message that it takes for malformed. No word came from the server. */
const ownRefusals: ReadonlySet<string> = new Set(["EENVELOPE", "EMESSAGE"]);

export function causeOf(failure: Failure): Cause {
  const { phase, reply, tls, code, message } = failure;
  if (reply !== undefined) return { kind: "reply", phase, reply };
  if (ownRefusals.has(code)) return { kind: "internal", message };
  return tls ? { kind: "tls", message } : { kind: "connection", phase, code, message };
}

export function outcomeOf(failure: Failure): Exclude<Outcome, { kind: "delivered" }> {
  const cause = causeOf(failure);
  const { reply, phase } = failure;
  if (reply === undefined) return { kind: phase === "dot" ? "unconfirmed" : "deferred", cause };
  const permanent = reply.code >= 500 && reply.code < 600;
  if (permanent && aboutMail.has(phase) && !isAboutSession(phase, reply) && !isTooMany(reply))
    return { kind: "refused", cause };
  return { kind: "deferred", cause };
}

/** Some servers answer MAIL by 550 or 554 where RFC 3207 §4 and RFC 4954 §6 want 530: only the words tell. */
function isAboutSession(phase: Failure["phase"], reply: SmtpReply): boolean {
  return aboutSession.has(reply.code) || (phase === "mail" && /\bstarttls\b|\bauthenticat/iu.test(reply.text));
}

/** RFC 5321 §4.5.3.1.10: 452, and 552 from servers that follow RFC 821. Another transaction may take the recipient. */
export function isTooMany(reply: SmtpReply): boolean {
  if (reply.enhanced === "4.5.3" || reply.enhanced === "5.5.3") return true;
  return (
    (reply.code === 452 || reply.code === 552) &&
    reply.enhanced === undefined &&
    /too many (?:recipients|rcpt)/iu.test(reply.text)
  );
}

/**
 * What a failure says of the destination. Once a message is under way, its end is taken to be about that message: a
 * message that makes a server hang up must not stop all others.
 */
export function destinationOf(failure: Failure): TransactionResult["destination"] {
  const { phase, reply } = failure;
  const early = phase !== "rcpt" && phase !== "data" && phase !== "body" && phase !== "dot";
  const unavailable =
    reply === undefined
      ? early && !ownRefusals.has(failure.code)
      : isBackPressure(reply) ||
        (early && (reply.code === 421 || !aboutMail.has(phase) || isAboutSession(phase, reply)));
  return unavailable ? { kind: "unavailable", cause: causeOf(failure) } : { kind: "answered" };
}

/** Exchange under load: 4.3.1 insufficient resources, 4.3.2 not accepting. */
function isBackPressure({ enhanced }: SmtpReply): boolean {
  return enhanced === "4.3.1" || enhanced === "4.3.2";
}
