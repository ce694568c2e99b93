/**
 * Asks an SMTP server what it would take: MAIL and RCPT, then RSET, so that nothing is sent. Exchange counts refusals as
 * errors of the connection and ends it after a few, so after two of them a new one is opened.
 */
import type { SmtpReply } from "../core/outcome.ts";
import type { Clock } from "../core/ports.ts";
import type { OpenSmtp, SmtpProbe } from "./port.ts";

/** `Set-ReceiveConnector -MaxProtocolErrors` is 5 by default. */
const mostRefusals = 2;

/** What came of a transaction that was given up. */
export interface Answer {
  /** Which command the reply is to: MAIL, or RCPT where one was to be asked and MAIL was taken. */
  readonly at: "mail" | "rcpt";
  readonly reply: SmtpReply;
  /** How long the reply took. */
  readonly ms: number;
}

export class SmtpAsking implements AsyncDisposable {
  readonly #open: OpenSmtp;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  #probe: SmtpProbe | undefined;
  #refusals = 0;

  private constructor(open: OpenSmtp, probe: SmtpProbe, clock: Clock, signal: AbortSignal) {
    this.#open = open;
    this.#clock = clock;
    this.#probe = probe;
    this.#signal = signal;
  }

  /** Rejects with `ProbeFailed`. */
  static async open(open: OpenSmtp, clock: Clock, signal: AbortSignal): Promise<SmtpAsking> {
    return new SmtpAsking(open, await open(signal), clock, signal);
  }

  /** Asks by MAIL, and by RCPT where there is a recipient; then takes it back. */
  async ask(mail: string, recipient?: string): Promise<Answer> {
    this.#probe ??= await this.#open(this.#signal);
    const probe = this.#probe;
    let answer = await this.#timed(probe, "mail", `MAIL FROM:<${mail}>`);
    if (answer.reply.code < 300 && recipient !== undefined)
      answer = await this.#timed(probe, "rcpt", `RCPT TO:<${recipient}>`);
    await this.#over(probe, answer.reply);
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#probe?.[Symbol.asyncDispose]();
  }

  async #timed(probe: SmtpProbe, at: Answer["at"], line: string): Promise<Answer> {
    const begun = this.#clock.now();
    const reply = await probe.command(line, this.#signal);
    return { at, reply, ms: this.#clock.now() - begun };
  }

  async #over(probe: SmtpProbe, { code }: SmtpReply): Promise<void> {
    if (code >= 400) this.#refusals += 1;
    if (code !== 421 && this.#refusals < mostRefusals) {
      await probe.command("RSET", this.#signal);
      return;
    }
    this.#probe = undefined;
    this.#refusals = 0;
    await probe[Symbol.asyncDispose]();
  }
}
