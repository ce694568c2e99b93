/**
 * What nodemailer throws, put into our words: which phase, which reply, which recipient. Pure.
 *
 * nodemailer's errors carry `code`, `command`, `response` and `recipient` as loose properties; what is not there or not
 * text is left out. An error it does not know is a lost connection in the phase that the session was in.
 */
import type { SmtpPhase } from "../core/outcome.ts";
import { messageOf } from "../core/thrown.ts";
import type { Failure } from "./classify.ts";
import { parseSmtpReply } from "./smtp-reply.ts";

/** A recipient that was refused by a reply of its own. */
export interface RejectedRecipient {
  readonly recipient: string;
  readonly failure: Failure;
}

/** A failure of the connection or of the transaction as a whole. */
export class SmtpFailure extends Error {
  override readonly name = "SmtpFailure";
  readonly failure: Failure;
  /** Recipients that had been refused before, each by its own reply. */
  readonly rejected: readonly RejectedRecipient[];
  constructor(failure: Failure, rejected: readonly RejectedRecipient[] = []) {
    super(failure.message);
    this.failure = failure;
    this.rejected = rejected;
  }
}

/** Describes an error that came up in this phase. The command that nodemailer names, if any, is more exact. */
export function describeFailure(error: unknown, phase: SmtpPhase): Failure {
  const message = messageOf(error);
  const kind = textOf(error, "code");
  const code = textOf(error, "originalCode") || kind || (isTimeout(error) ? "TIMEOUT" : "ECONNECTION");
  const reply = parseSmtpReply(textOf(error, "response"));
  const command = textOf(error, "command");
  // The greeting is the only reply that belongs to no command.
  const answered = command === "CONN" && reply !== undefined && phase === "ehlo" ? "greeting" : phase;
  return { phase: phaseOf(command, answered), reply, tls: kind === "ETLS", code, message };
}

/** nodemailer's `rejectedErrors`, each with the recipient it is about. */
export function rejectedRecipients(errors: readonly unknown[]): RejectedRecipient[] {
  return errors.flatMap((error) => {
    const recipient = textOf(error, "recipient");
    return recipient === "" ? [] : [{ recipient, failure: describeFailure(error, "rcpt") }];
  });
}

function textOf(error: unknown, name: string): string {
  const value: unknown = typeof error === "object" && error !== null ? Reflect.get(error, name) : undefined;
  return typeof value === "string" ? value : "";
}

function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === "TimeoutError";
}

function phaseOf(command: string, phase: SmtpPhase): SmtpPhase {
  if (phase === "body" || phase === "dot" || phase === "auth") return phase;
  switch (command.split(" ")[0]?.toUpperCase()) {
    case "EHLO":
    case "HELO":
      return "ehlo";
    case "STARTTLS":
      return "starttls";
    case "AUTH":
      return "auth";
    case "MAIL":
      return "mail";
    case "RCPT":
      return "rcpt";
    case "DATA":
      return "data";
    default:
      return phase;
  }
}
