/**
 * One message that is being taken in, by DATA or by chunks: feeds the receiver, counts the octets, and knows what the
 * client is to be told in the end.
 *
 * States: open ──too large, or refused before its end──▶ refused (what still comes is thrown away)
 *         open ──finish──▶ stored | refused
 *         any but stored ──cancel──▶ cancelled (nothing is stored, nobody is told)
 *
 * The answer is the receiver's own, except when the message is too large or the receiver fails: a fault of ours is
 * answered 451, so that the mail stays with the client.
 */
import type { EventSink } from "../core/events.ts";
import type { Received, SmtpAnswer } from "./port.ts";
import { answers, tooLarge } from "./smtp-answers.ts";
import { BodyChannel } from "./smtp-body.ts";

/** What the client is told of its message. */
export interface IntakeOutcome {
  readonly kind: "stored" | "refused";
  readonly answer: SmtpAnswer;
  /** The connection is ended after the reply. */
  readonly close: boolean;
}

export interface IntakeOptions {
  /** Hands the message to the receiver. */
  readonly receive: (body: AsyncIterable<Buffer>, signal: AbortSignal) => Promise<Received>;
  readonly maxOctets: number;
  readonly events: EventSink;
}

/** Why a body ended early, for whoever reads it. */
class BodyCutShort extends Error {
  override readonly name = "BodyCutShort";
}

export class Intake {
  readonly #body = new BodyChannel();
  readonly #abort = new AbortController();
  readonly #maxOctets: number;
  readonly #outcome: Promise<IntakeOutcome>;
  #octets = 0;
  #refusal: IntakeOutcome | undefined;
  #cancelled = false;
  #whole = false;

  constructor({ receive, maxOctets, events }: IntakeOptions) {
    this.#maxOctets = maxOctets;
    this.#outcome = this.#run(receive, events);
  }

  /** What is known already to be the end of it, before the message has been sent whole. */
  get refusal(): IntakeOutcome | undefined {
    return this.#refusal;
  }

  /** Takes the next octets. Waits as long as the receiver does not want them; never rejects. */
  async take(chunk: Buffer): Promise<void> {
    this.#octets += chunk.length;
    if (this.#octets > this.#maxOctets) this.refuseAsTooLarge();
    if (this.#refusal === undefined && !this.#cancelled) await this.#body.push(chunk);
  }

  /** Also for a chunk that is announced to be too large, before it has been read. */
  refuseAsTooLarge(): void {
    if (this.#refusal !== undefined) return;
    this.#refusal = { kind: "refused", answer: tooLarge(this.#maxOctets), close: false };
    this.#body.fail(new BodyCutShort(`the message is larger than ${this.#maxOctets} octets`));
  }

  /** True when so many more octets would be too many. */
  wouldBeTooLarge(octets: number): boolean {
    return this.#octets + octets > this.#maxOctets;
  }

  /** The message is whole. Waits until it is on disk, or refused; never rejects. */
  finish(): Promise<IntakeOutcome> {
    this.#whole = true;
    if (this.#refusal === undefined) this.#body.end();
    return this.#outcome;
  }

  /** The client is gone, or wants it no more. Resolves when the receiver has let go of it. */
  async cancel(why: string): Promise<void> {
    this.#cancelled = true;
    const reason = new BodyCutShort(why);
    this.#body.fail(reason);
    this.#abort.abort(reason);
    await this.#outcome;
  }

  async #run(receive: IntakeOptions["receive"], events: EventSink): Promise<IntakeOutcome> {
    try {
      const received = await receive(this.#body, this.#abort.signal);
      if (this.#refusal !== undefined && received.kind === "no") return this.#refusal;
      if (received.kind === "stored" && (!this.#whole || this.#refusal !== undefined))
        throw new TypeError(`message ${received.id} was stored before it was whole`);
      this.#refusal = received.kind === "no" ? { ...received, kind: "refused" } : undefined;
      return this.#refusal ?? { kind: "stored", answer: received.answer, close: false };
    } catch (error) {
      if (this.#refusal !== undefined) return this.#refusal;
      if (!this.#cancelled) events.emit({ kind: "internal-error", where: "receiver", detail: String(error) });
      this.#refusal = { kind: "refused", answer: answers.fault, close: false };
      return this.#refusal;
    } finally {
      this.#body.abandon();
    }
  }
}
