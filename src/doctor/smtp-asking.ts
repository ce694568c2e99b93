/**
 * Asks an SMTP server what it would take: MAIL and RCPT, then RSET, so that nothing is sent. Exchange counts refusals as
 * errors of the connection and ends it after a few, so after two of them a new one is opened.
 */
import type { SmtpReply } from "../core/outcome.ts";
import type { OpenSmtp, SmtpProbe } from "./port.ts";

/** `Set-ReceiveConnector -MaxProtocolErrors` is 5 by default. */
const mostRefusals = 2;

export class SmtpAsking implements AsyncDisposable {
  readonly #open: OpenSmtp;
  readonly #signal: AbortSignal;
  #probe: SmtpProbe | undefined;
  #refusals = 0;

  private constructor(open: OpenSmtp, probe: SmtpProbe, signal: AbortSignal) {
    this.#open = open;
    this.#probe = probe;
    this.#signal = signal;
  }

  /** Rejects with `ProbeFailed`. */
  static async open(open: OpenSmtp, signal: AbortSignal): Promise<SmtpAsking> {
    return new SmtpAsking(open, await open(signal), signal);
  }

  /** One transaction that is given up: the reply to MAIL, or to RCPT where one is given and MAIL was taken. */
  async ask(mail: string, recipient?: string): Promise<{ readonly at: "mail" | "rcpt"; readonly reply: SmtpReply }> {
    this.#probe ??= await this.#open(this.#signal);
    const probe = this.#probe;
    const taken = await probe.command(`MAIL FROM:<${mail}>`, this.#signal);
    if (taken.code >= 300 || recipient === undefined) return { at: "mail", reply: await this.#over(probe, taken) };
    const reply = await probe.command(`RCPT TO:<${recipient}>`, this.#signal);
    return { at: "rcpt", reply: await this.#over(probe, reply) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#probe?.[Symbol.asyncDispose]();
  }

  async #over(probe: SmtpProbe, reply: SmtpReply): Promise<SmtpReply> {
    if (reply.code >= 400) this.#refusals += 1;
    if (reply.code === 421 || this.#refusals >= mostRefusals) {
      this.#probe = undefined;
      this.#refusals = 0;
      await probe[Symbol.asyncDispose]();
    } else await probe.command("RSET", this.#signal);
    return reply;
  }
}
