/**
 * One mail transaction after another on one connection: MAIL, RCPT, then DATA (RFC 5321 §4.1.1) or BDAT (RFC 3030).
 *
 *   none ──MAIL──▶ addressed ──RCPT──▶ addressed ──DATA──▶ taking in ──final dot──▶ none
 *                                      addressed ──BDAT──▶ in chunks ──BDAT LAST──▶ none
 *   any ──RSET, EHLO, STARTTLS, the end of the connection──▶ none (what was being taken in is forgotten)
 *
 * The octets of a chunk are read away whatever its answer is: they come behind the command without waiting for it, and
 * must never be read as commands. A chunk that was refused spoils the transaction; what follows gets the same answer
 * until LAST or RSET. 250 for a whole message is the receiver's answer, and comes after the receiver has stored it.
 */
import type { Address } from "../core/address.ts";
import type { EventSink } from "../core/events.ts";
import type { EnvelopeRecipient, MailRequest, Pass, Receiver, SmtpAnswer, SmtpClient, Verdict } from "./port.ts";
import { answers, chunkTaken, tooLarge } from "./smtp-answers.ts";
import { Intake } from "./smtp-intake.ts";
import { mailRequest, parseMailParameters, parseRecipientParameters } from "./smtp-parameters.ts";
import { parseRecipient, parseSender, splitPath } from "./smtp-path.ts";
import type { BodySink } from "./smtp-reader.ts";

export type Stage = "mail" | "rcpt" | "data";

/** The connection, as a transaction sees it. */
export interface TransactionHost {
  readonly pass: Pass;
  readonly receiver: Receiver;
  readonly events: EventSink;
  readonly postmaster: Address;
  client(): SmtpClient;
  answer(answer: SmtpAnswer): void;
  /** Answers with a refusal that is worth telling an operator. */
  refuse(stage: Stage, answer: SmtpAnswer, close: boolean): void;
  readText(sink: BodySink): void;
  readOctets(octets: number, sink: BodySink): void;
  /** A message has been stored. */
  stored(): void;
}

interface Transaction {
  readonly request: MailRequest;
  readonly recipients: Map<Address, EnvelopeRecipient>;
  /** Whether a recipient was refused. */
  refused: boolean;
  intake: Intake | undefined;
}

export class MailTransactions {
  readonly #host: TransactionHost;
  #current: Transaction | undefined;

  constructor(host: TransactionHost) {
    this.#host = host;
  }

  /** True between MAIL and the end of the message. */
  get isOpen(): boolean {
    return this.#current !== undefined;
  }

  /** True once octets of a message have been asked for, and its end has not come. */
  get isTakingIn(): boolean {
    return this.#current?.intake !== undefined;
  }

  mail(rest: string): void {
    const { pass, receiver } = this.#host;
    if (this.#current !== undefined) return this.#host.answer(answers.nestedMail);
    const line = splitPath(rest, "FROM");
    if (line === undefined) return this.#host.answer(badSyntax("MAIL FROM:<address>"));
    const client = this.#host.client();
    const parameters = parseMailParameters(line.parameters, client.tls !== undefined);
    if (parameters.kind === "bad") return this.#host.answer(parameters.answer);
    const sender = parseSender(line.path, parameters.value.smtpUtf8);
    if (sender.kind === "bad") return this.#host.answer(sender.answer);
    const request = mailRequest(sender.value, parameters.value);
    const verdict = firstNo([
      () => pass.mail(request, client),
      () => sizeVerdict(request.size, receiver.maxOctets()),
      () => receiver.pressure(),
    ]);
    if (verdict !== undefined) return this.#host.refuse("mail", verdict.answer, verdict.close);
    this.#current = { request, recipients: new Map(), refused: false, intake: undefined };
    this.#host.answer(answers.senderOk);
  }

  recipient(rest: string): void {
    const current = this.#current;
    if (current === undefined) return this.#host.answer(answers.mailFirst);
    if (current.intake !== undefined) return this.#host.answer(answers.inChunks);
    const line = splitPath(rest, "TO");
    if (line === undefined) return this.#refuseRecipient(current, badSyntax("RCPT TO:<address>"));
    const { smtpUtf8 } = current.request;
    const address = parseRecipient(line.path, smtpUtf8, this.#host.postmaster);
    if (address.kind === "bad") return this.#refuseRecipient(current, address.answer);
    const dsn = parseRecipientParameters(line.parameters, smtpUtf8);
    if (dsn.kind === "bad") return this.#refuseRecipient(current, dsn.answer);
    const known = current.recipients.has(address.value);
    if (!known) {
      const count = current.recipients.size;
      const verdict = this.#host.pass.recipient(address.value, line.path, count, this.#host.client());
      if (verdict.kind === "no") {
        current.refused = true;
        return this.#host.refuse("rcpt", verdict.answer, verdict.close);
      }
    }
    // Named twice, it gets the message once, and the later wishes count.
    current.recipients.set(address.value, { address: address.value, dsn: dsn.value });
    this.#host.answer(answers.recipientOk);
  }

  data(): void {
    const current = this.#current;
    const fault = current?.intake === undefined ? this.#recipientFault() : answers.inChunks;
    if (fault !== undefined || current === undefined) return this.#host.answer(fault ?? answers.mailFirst);
    const intake = this.#begin(current);
    this.#host.answer({ code: 354, enhanced: "", text: "Go on, end with CR LF . CR LF" });
    this.#host.readText({ take: (chunk) => intake.take(chunk), end: () => this.#finish(intake) });
  }

  /** `octets` are going to come behind the command, whatever is answered. */
  chunk(octets: number, isLast: boolean): void {
    const current = this.#current;
    const fault = current?.intake === undefined ? this.#recipientFault() : undefined;
    if (fault !== undefined || current === undefined) {
      this.#host.readOctets(octets, this.#readAway(fault ?? answers.mailFirst));
      return;
    }
    const intake = current.intake ?? this.#begin(current);
    if (intake.wouldBeTooLarge(octets)) intake.refuseAsTooLarge();
    this.#host.readOctets(octets, {
      take: (chunk) => intake.take(chunk),
      end: () => (isLast ? this.#finish(intake) : this.#chunkEnded(intake, octets)),
    });
  }

  /** Forgets what there is of a message. Resolves when the receiver has let go of it. */
  cancel(why: string): Promise<void> | undefined {
    const intake = this.#current?.intake;
    this.#current = undefined;
    return intake?.cancel(why);
  }

  #begin(current: Transaction): Intake {
    const { receiver, events } = this.#host;
    const client = this.#host.client();
    const [first, ...others] = current.recipients.values();
    if (first === undefined) throw new TypeError("a message without recipients");
    current.intake = new Intake({
      receive: (body, signal) => receiver.receive(client, current.request, [first, ...others], body, signal),
      maxOctets: receiver.maxOctets(),
      events,
    });
    return current.intake;
  }

  async #finish(intake: Intake): Promise<void> {
    const outcome = await intake.finish();
    // The connection may have ended meanwhile, and its transaction with it.
    if (this.#current?.intake !== intake) return;
    this.#current = undefined;
    if (outcome.kind === "refused") return this.#host.refuse("data", outcome.answer, outcome.close);
    this.#host.stored();
    this.#host.answer(outcome.answer);
  }

  async #chunkEnded(intake: Intake, octets: number): Promise<void> {
    if (this.#current?.intake !== intake) return;
    const { refusal } = intake;
    if (refusal === undefined) this.#host.answer(chunkTaken(octets));
    else this.#host.refuse("data", refusal.answer, refusal.close);
  }

  #readAway(answer: SmtpAnswer): BodySink {
    return {
      take: () => Promise.resolve(),
      end: () => {
        this.#host.answer(answer);
        return Promise.resolve();
      },
    };
  }

  #recipientFault(): SmtpAnswer | undefined {
    if (this.#current === undefined) return answers.mailFirst;
    if (this.#current.recipients.size > 0) return undefined;
    return this.#current.refused ? answers.noRecipients : answers.recipientFirst;
  }

  #refuseRecipient(current: Transaction, answer: SmtpAnswer): void {
    current.refused = true;
    this.#host.answer(answer);
  }
}

function sizeVerdict(size: number | undefined, limit: number): Verdict {
  return size === undefined || size <= limit ? { kind: "ok" } : { kind: "no", answer: tooLarge(limit), close: false };
}

function firstNo(asks: readonly (() => Verdict)[]): Extract<Verdict, { kind: "no" }> | undefined {
  for (const ask of asks) {
    const verdict = ask();
    if (verdict.kind === "no") return verdict;
  }
  return undefined;
}

function badSyntax(syntax: string): SmtpAnswer {
  return { code: 501, enhanced: "5.5.4", text: `Write ${syntax}` };
}
