/**
 * How the stand-in answers: by the rule that its knobs hold for a phase, or as the session says; slowly where it is told
 * to be slow, and with the end of the connection after too many errors.
 */
import type { Socket } from "node:net";
import type { Clock } from "../core/ports.ts";
import type { ReceivedMessage } from "./received-message.ts";
import type { SmtpStandInChannel } from "./smtp-stand-in-channel.ts";
import type { SmtpStandInKnobs, StandInAction, StandInPhase } from "./smtp-stand-in-knobs.ts";

/** What a session knows of the stand-in as a whole. */
export interface SmtpStandInWorld {
  readonly connection: number;
  readonly clock: Clock;
  /** Aborted when the stand-in is closed. */
  readonly signal: AbortSignal;
  knobs(): SmtpStandInKnobs;
  /** More connections are open than the knobs allow. */
  isCrowded(): boolean;
  /** Puts TLS on the connection; `undefined` where STARTTLS is not to be had. */
  readonly secure: ((socket: Socket) => Socket) | undefined;
  log(line: string): void;
  take(message: ReceivedMessage): Promise<void>;
}

export class SmtpStandInAnswers {
  readonly #world: SmtpStandInWorld;
  readonly #channel: SmtpStandInChannel;
  /** MAIL commands of this connection so far. */
  transactions = 0;
  #errors = 0;

  constructor(world: SmtpStandInWorld, channel: SmtpStandInChannel) {
    this.#world = world;
    this.#channel = channel;
  }

  /** True when a rule has acted in place of the phase. Waits the phase's delay first. */
  async acted(phase: StandInPhase, argument: string, message?: ReceivedMessage): Promise<boolean> {
    const { at, atRcpt, delayMs, tarpitMs } = this.#world.knobs();
    await this.#wait(delayMs[phase] ?? 0);
    const rule = (phase === "rcpt" ? atRcpt[argument.toLowerCase()] : undefined) ?? at[phase];
    const moment = { phase, argument, connection: this.#world.connection, transaction: this.transactions };
    const action = typeof rule === "function" ? rule(moment) : rule;
    if (action === undefined) return false;
    if (phase === "rcpt" && action.do === "reply" && action.line.startsWith("5")) await this.#wait(tarpitMs);
    if (action.do !== "reply" && action.taken === true && message !== undefined) await this.#world.take(message);
    this.#act(action, phase);
    return true;
  }

  /** Refuses after Exchange's tarpit. */
  async refuseRecipient(line: string): Promise<void> {
    await this.#wait(this.#world.knobs().tarpitMs);
    this.reply(line);
  }

  reply(line: string): void {
    this.send([line]);
  }

  /** Sends the lines of a reply. Refusals after the final dot are about the message, not errors of the client. */
  send(lines: readonly string[], phase?: StandInPhase): void {
    if (this.#channel.over) return;
    const { enhancedStatusCodes, maxErrors } = this.#world.knobs();
    const shown = enhancedStatusCodes ? lines : lines.map((line) => line.replace(/^(\d{3}[ -])\d\.\d+\.\d+ /u, "$1"));
    for (const line of shown) this.#world.log(`S: ${line}`);
    this.#channel.send(shown);
    if (phase === "dot" || lines[0]?.startsWith("5") !== true) return;
    this.#errors += 1;
    if (this.#errors >= maxErrors)
      this.end("421 4.7.0 Too many errors on this connection, closing transmission channel");
  }

  /** Ends the connection, after this line if one is given. */
  end(line?: string): void {
    if (line !== undefined) this.send([line]);
    if (!this.#channel.over) this.#channel.end();
  }

  #act(action: StandInAction, phase: StandInPhase): void {
    switch (action.do) {
      case "reply": {
        const code = action.line.slice(0, 3);
        const texts = action.line.slice(4).split("\n");
        const lines = texts.map((text, index) => `${code}${index < texts.length - 1 ? "-" : " "}${text}`);
        this.send(lines, phase);
        if (action.close === true || code === "421") this.end();
        return;
      }
      case "drop":
      case "reset":
        return this.#channel.drop(action.do);
      case "silence":
        this.#channel.hush();
    }
  }

  async #wait(ms: number): Promise<void> {
    if (ms > 0) await this.#world.clock.sleep(ms, this.#world.signal);
  }
}
