/**
 * The way to an SMTP server: keeps connections for the next message, makes transactions, and says what became of each
 * recipient.
 *
 * What a server cannot take is decided before anything is sent, and loses nothing: a message larger than its SIZE is
 * refused; an address in UTF-8 needs SMTPUTF8 (RFC 6531 §3.2). 8-bit bodies without 8BITMIME are sent as they are unless
 * configured otherwise: RFC 6152 forbids it, but every Exchange and every mail server of this century takes them, while
 * converting would change octets and break signatures. Header fields in UTF-8 (RFC 6532) are sent the same way. A message
 * that must not travel without TLS (REQUIRETLS, RFC 8689 §4.2) needs a server that has proved itself and offers that.
 *
 * A server that offers DSN and then refuses its parameters is not offered the sender's wishes again: recipients that it
 * refused for them are deferred, and the wishes are popgate's to fulfil.
 */
import type { Address } from "../core/address.ts";
import { needsSmtpUtf8 } from "../core/address.ts";
import type { Clock, EpochMs } from "../core/ports.ts";
import type { Cause, Outcome } from "../core/outcome.ts";
import { asError } from "../core/thrown.ts";
import type { TlsSessions } from "../net/tls-sessions.ts";
import { causeOf, destinationOf, isTooMany, outcomeOf, type Failure } from "./classify.ts";
import type { Signer } from "./smtp-dkim.ts";
import { refusesParameters } from "./smtp-dsn.ts";
import { SmtpFailure, type RejectedRecipient } from "./smtp-failure.ts";
import { defaultSmtpTimeouts, type SmtpTimeouts } from "./smtp-limits.ts";
import { SmtpPool, type PoolLimits } from "./smtp-pool.ts";
import { BodyFailure, type SmtpSession, type SmtpSessionOptions } from "./smtp-session.ts";
import type { RecipientOutcome, Transaction, TransactionResult, Transport } from "./transport.ts";

export interface SmtpTransportOptions extends Omit<SmtpSessionOptions, "timeouts" | "sessions">, PoolLimits {
  /** For events. */
  readonly name: string;
  /** An 8-bit body to a server without 8BITMIME. */
  readonly eightBit: "send" | "hold";
  readonly timeouts?: SmtpTimeouts | undefined;
  /** How a result is to be read before it is given. Relays: `judgeAccount`, since their accounts can be in trouble. */
  readonly judge?: ((result: TransactionResult) => TransactionResult) | undefined;
}

export interface SmtpTransportPorts {
  readonly clock: Clock;
  readonly sessions?: TlsSessions | undefined;
  /** Relays, where there are keys: signs what is sent (DKIM). */
  readonly signer?: Signer | undefined;
}

/** `withDsn`: its wishes were put to the server, if that offers DSN. */
interface Attempt extends Transaction {
  readonly withDsn?: boolean;
}

/** A transport to one server. It opens as many connections as transactions are under way at the same time. */
export function createSmtpTransport(options: SmtpTransportOptions, ports: SmtpTransportPorts): Transport {
  return new SmtpTransport(options, ports);
}

class SmtpTransport implements Transport {
  readonly name: string;
  readonly #eightBit: SmtpTransportOptions["eightBit"];
  readonly #judge: NonNullable<SmtpTransportOptions["judge"]>;
  readonly #clock: Clock;
  readonly #pool: SmtpPool;
  readonly #signer: Signer | undefined;
  #maxOctets: number | undefined;
  #offersRequireTls: boolean | undefined;
  /** It offers DSN, and refuses what it brings. */
  #refusesDsn = false;

  constructor(options: SmtpTransportOptions, { clock, sessions, signer }: SmtpTransportPorts) {
    this.name = options.name;
    this.#eightBit = options.eightBit;
    this.#judge = options.judge ?? ((result) => result);
    this.#clock = clock;
    this.#signer = signer;
    const { timeouts = defaultSmtpTimeouts } = options;
    this.#pool = new SmtpPool({ ...options, timeouts, sessions }, options, clock);
  }

  async deliver(message: Transaction, signal: AbortSignal): Promise<TransactionResult> {
    signal.throwIfAborted();
    const begun = this.#clock.now();
    // Before a connection is taken: it would be idle for as long as a large message is hashed.
    const transaction = await this.#signed(message, begun, signal);
    if ("outcomes" in transaction) return transaction;
    const kept = this.#pool.take();
    const first = kept === undefined ? undefined : await this.#try(transaction, kept, begun, signal);
    if (first !== undefined && first !== "again") return first;
    const fresh = await this.#open(signal);
    if (fresh instanceof SmtpFailure) return this.#failed(transaction, fresh, [], begun);
    const second = await this.#try(transaction, fresh, begun, signal);
    return second === "again" ? this.#failed(transaction, new SmtpFailure(lostEarly), [], begun) : second;
  }

  maxOctets(): number | undefined {
    return this.#maxOctets;
  }

  offersRequireTls(): boolean | undefined {
    return this.#offersRequireTls;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool[Symbol.asyncDispose]();
  }

  /** The transaction as it will be sent; or, when it cannot be signed or read, what came of it. */
  async #signed(message: Transaction, begun: EpochMs, signal: AbortSignal): Promise<Transaction | TransactionResult> {
    if (this.#signer === undefined) return message;
    const unasked = { kind: "unasked" } as const;
    try {
      const result = await this.#signer.sign(message.body, signal);
      if (result.kind === "unsigned") return message;
      if (result.kind === "failed") return this.#deferred(message, result.message, begun, unasked);
      const field = Buffer.from(result.field);
      return { ...message, size: message.size + field.length, body: () => preceded(field, message.body()) };
    } catch (error) {
      signal.throwIfAborted();
      return this.#bodyFailed(message, asError(error), begun, unasked);
    }
  }

  async #open(signal: AbortSignal): Promise<SmtpSession | SmtpFailure> {
    try {
      return await this.#pool.open(signal);
    } catch (error) {
      if (error instanceof SmtpFailure) return error;
      throw error;
    }
  }

  /** `again`: the connection had been kept, and ended before it was of any use. That says nothing about the server. */
  async #try(
    transaction: Transaction,
    session: SmtpSession,
    begun: EpochMs,
    signal: AbortSignal,
  ): Promise<TransactionResult | "again"> {
    const isReused = session.messages > 0;
    this.#maxOctets = session.offers.maxOctets;
    this.#offersRequireTls = keepsRequireTls(session);
    const { able, unable } = this.#fit(transaction, session);
    if (able === undefined) {
      this.#pool.keep(session);
      return this.#result(transaction, unable, [], { kind: "answered" }, begun);
    }
    const mail = { ...transaction, recipients: able, withDsn: !this.#refusesDsn };
    try {
      const { reply, rejected, dsnPassedOn } = await session.send(mail, signal, mail.withDsn);
      this.#giveBack(session, rejected);
      const outcomes = [...unable, ...this.#outcomesOf(mail, rejected, { kind: "delivered", reply })];
      const result = this.#result(transaction, outcomes, rejected, { kind: "answered" }, begun);
      return dsnPassedOn ? { ...result, dsnPassedOn } : result;
    } catch (error) {
      if (error instanceof BodyFailure) return this.#bodyFailed(transaction, error.error, begun, { kind: "answered" });
      if (!(error instanceof SmtpFailure)) throw error;
      this.#giveBack(session, error.rejected);
      if (isReused && isEndOfConnection(error.failure)) return "again";
      return this.#failed(mail, error, unable, begun, transaction);
    }
  }

  /** Exchange counts errors by connection, and ends it at the fifth: one that has had some is not used again. */
  #giveBack(session: SmtpSession, rejected: readonly RejectedRecipient[]): void {
    if (rejected.length > 0) this.#pool.release(session);
    else this.#pool.keep(session);
  }

  /** Recipients that the server can take this message for, and the outcomes of the others. */
  #fit(
    transaction: Transaction,
    session: SmtpSession,
  ): { able: readonly [Address, ...Address[]] | undefined; unable: RecipientOutcome[] } {
    const { recipients } = transaction;
    const cause = this.#unfit(transaction, session);
    if (cause !== undefined)
      return { able: undefined, unable: recipients.map((recipient) => refused(recipient, cause)) };
    const utf8 = session.offers.has("SMTPUTF8");
    const [first, ...rest] = recipients.filter((recipient) => utf8 || !needsSmtpUtf8(recipient));
    const unable = recipients
      .filter((recipient) => !utf8 && needsSmtpUtf8(recipient))
      .map((recipient) =>
        refused(recipient, { kind: "extension", missing: "SMTPUTF8", message: `${recipient} is not ASCII` }),
      );
    return { able: first === undefined ? undefined : [first, ...rest], unable };
  }

  #unfit({ reversePath, size, traits, requireTls }: Transaction, session: SmtpSession): Cause | undefined {
    const limit = session.offers.maxOctets;
    if (limit !== undefined && size > limit) return { kind: "size", limit, size };
    if (reversePath.kind === "address" && needsSmtpUtf8(reversePath.address) && !session.offers.has("SMTPUTF8"))
      return { kind: "extension", missing: "SMTPUTF8", message: `the sender ${reversePath.address} is not ASCII` };
    if (traits.eightBit && this.#eightBit === "hold" && !session.offers.has("8BITMIME"))
      return { kind: "extension", missing: "8BITMIME", message: "the body has octets above 127" };
    if (requireTls === true && !keepsRequireTls(session))
      return { kind: "extension", missing: "REQUIRETLS", message: tlsDemanded };
    return undefined;
  }

  #bodyFailed(
    transaction: Transaction,
    bodyError: Error,
    begun: EpochMs,
    destination: TransactionResult["destination"],
  ): TransactionResult {
    const result = this.#deferred(
      transaction,
      `the message could not be read: ${bodyError.message}`,
      begun,
      destination,
    );
    return { ...result, bodyError };
  }

  /** Trouble of our own. */
  #deferred(
    transaction: Transaction,
    message: string,
    begun: EpochMs,
    destination: TransactionResult["destination"],
  ): TransactionResult {
    const cause: Cause = { kind: "internal", message };
    const outcomes = this.#outcomesOf(transaction, [], { kind: "deferred", cause });
    return this.#result(transaction, outcomes, [], destination, begun);
  }

  #failed(
    tried: Attempt,
    { failure, rejected }: SmtpFailure,
    unable: readonly RecipientOutcome[],
    begun: EpochMs,
    whole: Transaction = tried,
  ): TransactionResult {
    const outcomes = [...unable, ...this.#outcomesOf(tried, rejected, this.#outcomeOf(tried, failure))];
    // With a refusal of its own for each recipient, the last of them is not the transaction's.
    const destination = rejected.length === tried.recipients.length ? worst(rejected) : destinationOf(failure);
    return this.#result(whole, outcomes, rejected, destination, begun);
  }

  #outcomesOf(mail: Attempt, rejected: readonly RejectedRecipient[], others: Outcome): RecipientOutcome[] {
    const own = new Map(rejected.map(({ recipient, failure }) => [recipient, this.#outcomeOf(mail, failure)]));
    return mail.recipients.map((recipient) => ({ recipient, outcome: own.get(recipient) ?? others }));
  }

  #outcomeOf({ reversePath, dsn, withDsn }: Attempt, failure: Failure): Outcome {
    const hadParameters = withDsn === true && (dsn !== undefined || reversePath.kind === "null");
    if (!hadParameters || !refusesParameters(failure)) return outcomeOf(failure);
    this.#refusesDsn = true;
    return { kind: "deferred", cause: causeOf(failure) };
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
    return this.#judge({
      outcomes: outcomes.toSorted((a, b) => (order.get(a.recipient) ?? 0) - (order.get(b.recipient) ?? 0)),
      tooMany: recipients.filter((recipient) => tooMany.has(recipient)),
      destination,
      bodyError: undefined,
      ms: this.#clock.now() - begun,
    });
  }
}

/** RFC 8689 §4.2.1. */
function keepsRequireTls({ isProved, offers }: SmtpSession): boolean {
  return isProved && offers.has("REQUIRETLS");
}

async function* preceded(field: Buffer, body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield field;
  yield* body;
}

/** Before MAIL was answered: lost while it was kept, or past a limit of the server's for one connection (421). */
function isEndOfConnection({ phase, reply }: Failure): boolean {
  return phase === "mail" && (reply === undefined || reply.code === 421);
}

const tlsDemanded = "the sender demands TLS on the whole way, to servers that have proved themselves";

const lostEarly: Failure = {
  phase: "mail",
  reply: undefined,
  tls: false,
  code: "ECONNECTION",
  message: "the connection was lost before MAIL was answered",
};

function refused(recipient: Address, cause: Cause): RecipientOutcome {
  return { recipient, outcome: { kind: "refused", cause } };
}

/** Every recipient was refused: the destination is unavailable only if each refusal says so. */
function worst(rejected: readonly RejectedRecipient[]): TransactionResult["destination"] {
  const [first] = rejected;
  const pressed = rejected.every(({ failure }) => destinationOf(failure).kind === "unavailable");
  return pressed && first !== undefined ? { kind: "unavailable", cause: causeOf(first.failure) } : { kind: "answered" };
}
