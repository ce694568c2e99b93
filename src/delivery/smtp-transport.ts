/**
 * The way to an SMTP server: keeps connections for the next message, makes transactions, and says what became of each
 * recipient.
 *
 * What a server cannot take is decided before anything is sent, and loses nothing: a message larger than its SIZE is
 * refused; an address in UTF-8 needs SMTPUTF8 (RFC 6531 §3.2). 8-bit bodies without 8BITMIME are sent as they are unless
 * configured otherwise: RFC 6152 forbids it, but every Exchange and every mail server of this century takes them, while
 * converting would change octets and break signatures. Header fields in UTF-8 (RFC 6532) are sent the same way.
 */
import type { Address, ReversePath } from "../core/address.ts";
import { needsSmtpUtf8 } from "../core/address.ts";
import type { Clock, EpochMs } from "../core/ports.ts";
import type { Cause, Outcome } from "../core/outcome.ts";
import type { TlsSessions } from "../net/tls-sessions.ts";
import { causeOf, destinationOf, isTooMany, outcomeOf, type Failure } from "./classify.ts";
import { parseSmtpReply } from "./smtp-reply.ts";
import {
  defaultSmtpTimeouts,
  rejectedRecipients,
  SmtpFailure,
  SmtpSession,
  type RejectedRecipient,
  type SmtpSessionOptions,
  type SmtpTimeouts,
} from "./smtp-session.ts";
import type { RecipientOutcome, Transaction, TransactionResult, Transport } from "./transport.ts";

export interface SmtpTransportOptions extends Omit<SmtpSessionOptions, "timeouts" | "sessions"> {
  /** For events. */
  readonly name: string;
  readonly maxMessagesPerConnection: number;
  /** A kept connection is given up after this time without mail. */
  readonly idleMs: number;
  /** No connection is used for longer. */
  readonly maxAgeMs: number;
  /** An 8-bit body to a server without 8BITMIME. */
  readonly eightBit: "send" | "hold";
  readonly timeouts?: SmtpTimeouts | undefined;
}

export interface SmtpTransportPorts {
  readonly clock: Clock;
  readonly sessions?: TlsSessions | undefined;
}

interface Kept {
  readonly session: SmtpSession;
  readonly openedAt: EpochMs;
  readonly idle: AbortController;
}

/** A transport to one server. It opens as many connections as transactions are under way at the same time. */
export function createSmtpTransport(options: SmtpTransportOptions, ports: SmtpTransportPorts): Transport {
  return new SmtpTransport(options, ports);
}

class SmtpTransport implements Transport {
  readonly name: string;
  readonly #options: SmtpTransportOptions;
  readonly #ports: SmtpTransportPorts;
  readonly #sessionOptions: SmtpSessionOptions;
  readonly #kept = new Set<Kept>();
  readonly #waits = new Set<Promise<void>>();
  #disposed = false;

  constructor(options: SmtpTransportOptions, ports: SmtpTransportPorts) {
    this.name = options.name;
    this.#options = options;
    this.#ports = ports;
    const { host, port, tls, hostname, credentials, timeouts = defaultSmtpTimeouts } = options;
    this.#sessionOptions = { host, port, tls, hostname, credentials, timeouts, sessions: ports.sessions };
  }

  async deliver(transaction: Transaction, signal: AbortSignal): Promise<TransactionResult> {
    const begun = this.#ports.clock.now();
    const first = this.#takeKept();
    let result = first === undefined ? undefined : await this.#try(transaction, first, begun, signal);
    // A kept connection that turns out to be dead before MAIL was answered says nothing about the server.
    if (result === undefined) {
      const fresh = await this.#open(signal);
      result =
        fresh instanceof SmtpFailure
          ? this.#failed(transaction, fresh, begun)
          : await this.#try(transaction, fresh, begun, signal);
    }
    return result ?? this.#failed(transaction, lostEarly, begun);
  }

  async probe(signal: AbortSignal): Promise<TransactionResult["destination"]> {
    const opened = await this.#open(signal);
    if (opened instanceof SmtpFailure) return destinationOf(opened.failure);
    opened.session.quit();
    return { kind: "answered" };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    for (const kept of this.#kept) {
      kept.idle.abort();
      kept.session.quit();
    }
    this.#kept.clear();
    await Promise.all(this.#waits);
  }

  async #open(signal: AbortSignal): Promise<Kept | SmtpFailure> {
    try {
      const session = await SmtpSession.open(this.#sessionOptions, signal);
      return { session, openedAt: this.#ports.clock.now(), idle: new AbortController() };
    } catch (error) {
      if (error instanceof SmtpFailure) return error;
      throw error;
    }
  }

  /** `undefined`: the connection had been kept, and was lost before it could be of use. */
  async #try(
    transaction: Transaction,
    kept: Kept,
    begun: EpochMs,
    signal: AbortSignal,
  ): Promise<TransactionResult | undefined> {
    const { session } = kept;
    const reused = session.messages > 0;
    const { timeouts } = this.#sessionOptions;
    const { able, unable } = this.#fit(transaction, session);
    if (able === undefined) {
      this.#keep(kept);
      return this.#result(transaction, unable, [], { kind: "answered" }, begun);
    }
    try {
      const info = await session.send({ ...transaction, recipients: able }, timeouts, signal);
      const reply = parseSmtpReply(info.response) ?? { code: 250, enhanced: undefined, text: info.response };
      const rejected = rejectedRecipients(info.rejectedErrors ?? []);
      const outcomes = [...unable, ...this.#outcomes(able, rejected, { kind: "delivered", reply })];
      if (rejected.length > 0) session.quit();
      else this.#keep(kept);
      return this.#result(transaction, outcomes, rejected, { kind: "answered" }, begun);
    } catch (error) {
      if (!(error instanceof SmtpFailure)) return this.#bodyFailed(transaction, error, begun, signal);
      const { failure, rejected } = error;
      if (reused && failure.reply === undefined && failure.phase === "mail") {
        session.destroy();
        return undefined;
      }
      // Exchange counts errors by connection, and ends it at the fifth: one that has had some is not used again.
      if (rejected.length > 0) session.quit();
      else await this.#recover(kept, signal);
      const outcomes = [...unable, ...this.#outcomes(able, rejected, outcomeOf(failure))];
      // With refusals of its own for each recipient, the last of them is not the transaction's.
      const destination = rejected.length > 0 ? worst(rejected) : destinationOf(failure);
      return this.#result(transaction, outcomes, rejected, destination, begun);
    }
  }

  /** Recipients that the server can take this message for, and the outcomes of the others. */
  #fit(
    transaction: Transaction,
    session: SmtpSession,
  ): { able: readonly [Address, ...Address[]] | undefined; unable: RecipientOutcome[] } {
    const { recipients, reversePath, size, traits } = transaction;
    const cause = this.#unfit(reversePath, size, traits.eightBit, session);
    if (cause !== undefined)
      return { able: undefined, unable: recipients.map((recipient) => refused(recipient, cause)) };
    const utf8 = session.offers("SMTPUTF8");
    const [first, ...rest] = recipients.filter((recipient) => utf8 || !needsSmtpUtf8(recipient));
    const unable = recipients
      .filter((recipient) => !utf8 && needsSmtpUtf8(recipient))
      .map((recipient) =>
        refused(recipient, { kind: "extension", missing: "SMTPUTF8", message: `${recipient} is not ASCII` }),
      );
    return { able: first === undefined ? undefined : [first, ...rest], unable };
  }

  #unfit(reversePath: ReversePath, size: number, eightBit: boolean, session: SmtpSession): Cause | undefined {
    const limit = session.maxOctets;
    if (limit !== undefined && size > limit) return { kind: "size", limit, size };
    if (reversePath.kind === "address" && needsSmtpUtf8(reversePath.address) && !session.offers("SMTPUTF8"))
      return { kind: "extension", missing: "SMTPUTF8", message: `the sender ${reversePath.address} is not ASCII` };
    if (eightBit && this.#options.eightBit === "hold" && !session.offers("8BITMIME"))
      return { kind: "extension", missing: "8BITMIME", message: "the body has octets above 127" };
    return undefined;
  }

  #outcomes(
    recipients: readonly Address[],
    rejected: readonly RejectedRecipient[],
    others: Outcome,
  ): RecipientOutcome[] {
    const own = new Map(rejected.map(({ recipient, failure }) => [recipient, outcomeOf(failure)]));
    return recipients.map((recipient) => ({ recipient, outcome: own.get(recipient) ?? others }));
  }

  #bodyFailed(transaction: Transaction, error: unknown, begun: EpochMs, signal: AbortSignal): TransactionResult {
    if (signal.aborted) throw signal.reason;
    const bodyError = error instanceof Error ? error : new Error(String(error));
    const cause: Cause = { kind: "internal", message: `the message could not be read: ${bodyError.message}` };
    const outcomes = transaction.recipients.map((recipient) => ({
      recipient,
      outcome: { kind: "deferred" as const, cause },
    }));
    return { ...this.#result(transaction, outcomes, [], { kind: "answered" }, begun), bodyError };
  }

  #failed(transaction: Transaction, { failure, rejected }: SmtpFailure, begun: EpochMs): TransactionResult {
    const outcomes = this.#outcomes(transaction.recipients, rejected, outcomeOf(failure));
    return this.#result(transaction, outcomes, rejected, destinationOf(failure), begun);
  }

  #result(
    { recipients }: Transaction,
    outcomes: readonly RecipientOutcome[],
    rejected: readonly RejectedRecipient[],
    destination: TransactionResult["destination"],
    begun: EpochMs,
  ): TransactionResult {
    const tooMany = new Set(
      rejected
        .filter(({ failure }) => failure.reply !== undefined && isTooMany(failure.reply))
        .map(({ recipient }) => recipient),
    );
    const order = new Map(recipients.map((recipient, index) => [recipient, index]));
    return {
      outcomes: outcomes.toSorted((a, b) => (order.get(a.recipient) ?? 0) - (order.get(b.recipient) ?? 0)),
      tooMany: recipients.filter((recipient) => tooMany.has(recipient)),
      destination,
      bodyError: undefined,
      ms: this.#ports.clock.now() - begun,
    };
  }

  /** After a refusal the connection is put back to where MAIL can be said; if it cannot, it goes. */
  async #recover(kept: Kept, signal: AbortSignal): Promise<void> {
    if (!kept.session.isAlive) return;
    try {
      await kept.session.reset(signal);
      this.#keep(kept);
    } catch {
      kept.session.destroy();
    }
  }

  #takeKept(): Kept | undefined {
    for (const kept of this.#kept) {
      this.#kept.delete(kept);
      kept.idle.abort();
      if (this.#isUsable(kept)) return { ...kept, idle: new AbortController() };
      kept.session.quit();
    }
    return undefined;
  }

  #isUsable({ session, openedAt }: Kept): boolean {
    const { maxMessagesPerConnection, maxAgeMs } = this.#options;
    return (
      session.isAlive && session.messages < maxMessagesPerConnection && this.#ports.clock.now() - openedAt < maxAgeMs
    );
  }

  #keep(kept: Kept): void {
    if (!kept.session.isAlive) return;
    if (this.#disposed || !this.#isUsable(kept)) {
      kept.session.quit();
      return;
    }
    this.#kept.add(kept);
    const wait = this.#ports.clock.sleep(this.#options.idleMs, kept.idle.signal).then(
      () => {
        if (this.#kept.delete(kept)) kept.session.quit();
      },
      () => undefined,
    );
    this.#waits.add(wait);
    void wait.finally(() => this.#waits.delete(wait));
  }
}

const lostEarly = new SmtpFailure({
  phase: "mail",
  reply: undefined,
  tls: false,
  code: "ECONNECTION",
  message: "the connection was lost before MAIL was answered",
} satisfies Failure);

function refused(recipient: Address, cause: Cause): RecipientOutcome {
  return { recipient, outcome: { kind: "refused", cause } };
}

/** Every recipient was refused: the destination is unavailable only if each refusal says so. */
function worst(rejected: readonly RejectedRecipient[]): TransactionResult["destination"] {
  const [first] = rejected;
  const pressed = rejected.every(({ failure }) => destinationOf(failure).kind === "unavailable");
  return pressed && first !== undefined ? { kind: "unavailable", cause: causeOf(first.failure) } : { kind: "answered" };
}
