/**
 * One SMTP connection on nodemailer's, with what that does not tell: in which phase it is, so that a connection lost
 * before the final dot and one lost after it are told apart.
 *
 * Guarantees: TCP and implicit TLS are ours (`net/dial.ts`); after STARTTLS the server's proof is checked before AUTH or
 * MAIL. The body is opened only after a 354, and its final dot cannot leave before the phase says `dot`. No final dot
 * leaves unless the body came to its end: a body that throws destroys the connection. Every wait has a deadline.
 * Fails with `SmtpFailure`, with what the body threw (`BodyFailure`), or with the signal's reason.
 */
import { Readable } from "node:stream";
import SMTPConnection, { type SMTPConnectionSendInfo, type SMTPEnvelope } from "nodemailer/lib/smtp-connection";
import type { SmtpPhase, SmtpReply } from "../core/outcome.ts";
import { formatReversePath } from "../core/address.ts";
import { asError } from "../core/thrown.ts";
import { explainTlsError } from "../net/certificate.ts";
import { Deadline } from "../net/deadline.ts";
import { needsProof, type TlsPolicy } from "../net/tls-policy.ts";
import type { TlsSessions } from "../net/tls-sessions.ts";
import { tlsConnectOptions } from "../net/verify-peer.ts";
import type { SaslCredentials } from "../sasl/choose.ts";
import type { Failure } from "./classify.ts";
import { sendCommand } from "./smtp-command.ts";
import { checkPeer, dialOrFail } from "./smtp-dial.ts";
import { stuffQuickly } from "./smtp-dot-stuffing.ts";
import { mailParameters, RecipientParameters } from "./smtp-dsn.ts";
import { describeFailure, rejectedRecipients, SmtpFailure, type RejectedRecipient } from "./smtp-failure.ts";
import { SendLimits, type SmtpTimeouts } from "./smtp-limits.ts";
import { SmtpLogin } from "./smtp-login.ts";
import { ServerOffers } from "./smtp-offers.ts";
import { parseSmtpReply } from "./smtp-reply.ts";
import type { Transaction } from "./transport.ts";

export interface SmtpSessionOptions {
  readonly host: string;
  readonly port: number;
  readonly tls: TlsPolicy;
  /** Our name in EHLO. */
  readonly hostname: string;
  readonly credentials: SaslCredentials | undefined;
  /** How to log in: the name of a SASL mechanism, or `auto`. Without it also in the clear, where TLS is `off`. */
  readonly auth?: string | undefined;
  readonly timeouts: SmtpTimeouts;
  /** For implicit TLS; a handshake after STARTTLS is always a full one. */
  readonly sessions: TlsSessions | undefined;
}

/** The server has taken the message for everybody but these. */
export interface Sent {
  readonly reply: SmtpReply;
  readonly rejected: readonly RejectedRecipient[];
  /** The server was told what the sender wishes to be told (RFC 3461). */
  readonly dsnPassedOn: boolean;
}

/** The message could not be read: `error` is what its iteration threw. Nothing of it counts as sent. */
export class BodyFailure extends Error {
  override readonly name = "BodyFailure";
  readonly error: Error;
  constructor(error: Error) {
    super(error.message);
    this.error = error;
  }
}

const bodyBufferOctets = 64 * 1024;

export class SmtpSession {
  readonly #connection: SMTPConnection;
  readonly #timeouts: SmtpTimeouts;
  readonly #parameters: RecipientParameters;
  #phase: SmtpPhase = "greeting";
  #gone: Error | undefined;
  #wake: ((error: Error) => void) | undefined;
  #needsReset = false;
  readonly #isProofDemanded: boolean;
  readonly offers: ServerOffers;
  /** Transactions begun. */
  messages = 0;

  private constructor(connection: SMTPConnection, { timeouts, tls }: SmtpSessionOptions) {
    this.#connection = connection;
    this.#timeouts = timeouts;
    this.offers = new ServerOffers(connection);
    this.#parameters = new RecipientParameters(connection);
    this.#isProofDemanded = needsProof(tls);
    connection.on("error", (error: Error) => this.#lost(error));
    connection.on("end", () => {
      this.#gone ??= new Error("the server closed the connection");
      // nodemailer ends first and gives the reply that made it end, a 421, to the waiting call after that.
      queueMicrotask(() => this.#lost(new Error("the server closed the connection")));
    });
  }

  /** Connects, secures and logs in. */
  static async open(options: SmtpSessionOptions, signal: AbortSignal): Promise<SmtpSession> {
    const { host, port, tls, timeouts, credentials } = options;
    const socket = await dialOrFail(options, signal);
    const login = credentials === undefined ? undefined : new SmtpLogin({ ...options, credentials }, signal);
    const connection = new SMTPConnection({
      host,
      port,
      name: options.hostname,
      connection: socket,
      secure: tls.mode === "implicit",
      secured: tls.mode === "implicit",
      ignoreTLS: tls.mode === "off",
      requireTLS: tls.mode === "starttls",
      opportunisticTLS: tls.mode === "opportunistic",
      // Whether the server has proved itself is judged below, by rules that know pins.
      // Not made where it is not needed: its context holds all the roots that are trusted.
      ...(tls.mode === "off" ? {} : { tls: { ...tlsConnectOptions(tls, host), rejectUnauthorized: false } }),
      greetingTimeout: timeouts.greetingMs,
      socketTimeout: timeouts.bodyMs,
      socketCloseTimeout: 1000,
      ...(login === undefined ? {} : { customAuth: login.customAuth }),
    });
    const session = new SmtpSession(connection, options);
    try {
      using deadline = new Deadline(timeouts.greetingMs * 2, signal);
      await session.#untilLost(deadline.signal, (done) => connection.connect(done));
      checkPeer(connection, options);
      if (login !== undefined) {
        session.#phase = "auth";
        const request = login.prepare(connection, session.offers);
        await session.#untilLost(deadline.signal, (done) => connection.login(request, done));
      }
      session.#phase = "mail";
      return session;
    } catch (error) {
      const failure = session.#whyNotOpen(login?.failure ?? error, host);
      session.destroy();
      signal.throwIfAborted();
      throw failure;
    }
  }

  get isAlive(): boolean {
    return this.#gone === undefined;
  }

  /** The connection is encrypted to a server that has proved itself. */
  get isProved(): boolean {
    return this.#connection.secure && this.#isProofDemanded;
  }

  /**
   * Hands a message over, with the sender's wishes (RFC 3461) where `withDsn` is set and the server offers DSN. The
   * connection is good for another afterwards exactly when it `isAlive`.
   */
  async send(transaction: Transaction, signal: AbortSignal, withDsn = true): Promise<Sent> {
    signal.throwIfAborted();
    this.messages += 1;
    this.#phase = "mail";
    if (this.#needsReset) await this.#reset(signal);
    const envelope = this.#envelopeOf(transaction, withDsn && this.offers.has("DSN"));
    const failed: { body?: Error } = {};
    using limits = new SendLimits(this.#timeouts, signal, () => this.#phase === "body" || this.#phase === "dot");
    const body = Readable.from(this.#octets(transaction, failed), {
      objectMode: false,
      highWaterMark: bodyBufferOctets,
    });
    stuffQuickly(body);
    // Ahead of nodemailer's own listener, which lets the final dot follow.
    body.once("end", () => (this.#phase = "dot"));
    try {
      const info = await this.#untilLost<SMTPConnectionSendInfo>(limits.signal, (done) =>
        this.#connection.send(envelope, body, done),
      );
      return this.#sent(info, transaction);
    } catch (error) {
      throw this.#whyNotSent(error, envelope, failed.body, signal);
    } finally {
      body.destroy();
    }
  }

  /** Sends one command and gives its reply, whatever that is: for asking what a server would take. RSET must end it. */
  async command(line: string, signal: AbortSignal): Promise<SmtpReply> {
    using deadline = new Deadline(this.#timeouts.greetingMs, signal);
    const text = await this.#untilLost<string>(deadline.signal, (done) => sendCommand(this.#connection, line, done));
    const reply = parseSmtpReply(text);
    if (reply === undefined) throw new SmtpFailure(protocolFailure("mail", `no reply of SMTP's: ${text}`));
    return reply;
  }

  /** Says QUIT, and resolves when the connection is closed, by the server or by us. */
  async quit(): Promise<void> {
    const { _socket: socket } = this.#connection;
    if (this.#gone !== undefined || socket === false || socket === null || socket.destroyed) return;
    this.#gone = new Error("QUIT");
    using deadline = new Deadline(this.#timeouts.quitMs, new AbortController().signal);
    const { promise, resolve } = Promise.withResolvers<void>();
    socket.once("close", () => resolve());
    deadline.signal.addEventListener("abort", () => this.destroy(), { once: true });
    this.#connection.quit();
    await promise;
  }

  destroy(): void {
    this.#gone ??= new Error("destroyed");
    const { _socket: socket } = this.#connection;
    this.#connection.close();
    if (socket !== false && socket !== null) socket.destroy();
  }

  #envelopeOf(transaction: Transaction, withDsn: boolean): SMTPEnvelope {
    const { reversePath, recipients, size, traits, requireTls } = transaction;
    this.#parameters.begin(withDsn ? transaction : undefined);
    return {
      from: formatReversePath(reversePath).slice(1, -1),
      to: [...recipients],
      size,
      use8BitMime: traits.eightBit || traits.eightBitHeader,
      ...(withDsn ? { dsn: mailParameters(transaction) } : {}),
      ...(requireTls === true ? { requireTLSExtensionEnabled: true } : {}),
    };
  }

  /** RSET, after a transaction that was refused part of the way. A server that refuses it is of no more use. */
  async #reset(signal: AbortSignal): Promise<void> {
    try {
      using deadline = new Deadline(this.#timeouts.greetingMs, signal);
      await this.#untilLost(deadline.signal, (done) => this.#connection.reset(done));
      this.#needsReset = false;
    } catch (error) {
      this.destroy();
      signal.throwIfAborted();
      throw new SmtpFailure({ ...describeFailure(error, "mail"), phase: "mail", reply: undefined });
    }
  }

  /** The body. What it throws is kept apart: nodemailer writes its own code into the errors it is given. */
  async *#octets(transaction: Transaction, failed: { body?: Error }): AsyncGenerator<Buffer> {
    const answer = this.#connection.lastServerResponse;
    // nodemailer goes on after any 2yz or 3yz; to a server that does not read a message, its lines would be commands.
    if (answer === false || !answer.startsWith("354"))
      throw new SmtpFailure(protocolFailure("data", `DATA was answered by ${String(answer)}`));
    this.#phase = "body";
    try {
      yield* this.#inFewWrites(transaction.body());
    } catch (error) {
      failed.body = asError(error);
      throw new Error("the body could not be read", { cause: error });
    }
  }

  /** The same octets. What comes within one turn leaves in one write, the final dot with it: each write costs more than its octets. */
  async *#inFewWrites(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    const { _socket: socket } = this.#connection;
    let isCorked = false;
    for await (const piece of body) {
      if (!isCorked && socket !== false && socket !== null) {
        isCorked = true;
        socket.cork();
        setImmediate(() => {
          isCorked = false;
          socket.uncork();
        });
      }
      yield piece;
    }
  }

  #sent(info: SMTPConnectionSendInfo, { recipients }: Transaction): Sent {
    if (this.#phase !== "dot")
      throw new SmtpFailure(protocolFailure(this.#phase, `an answer before the end of the message: ${info.response}`));
    const reply = parseSmtpReply(info.response) ?? { code: 250, enhanced: undefined, text: info.response };
    const rejected = rejectedRecipients(info.rejectedErrors ?? []);
    return { reply, rejected, dsnPassedOn: this.#parameters.passedOn(recipients) };
  }

  #whyNotSent(error: unknown, envelope: object, bodyError: Error | undefined, signal: AbortSignal): unknown {
    if (bodyError !== undefined) {
      this.destroy();
      return new BodyFailure(bodyError);
    }
    const isUnderWay = this.#phase === "body" || this.#phase === "dot";
    if (signal.aborted && !isUnderWay) {
      this.destroy();
      return signal.reason;
    }
    // nodemailer keeps its books in the envelope it was given, and leaves them there whatever happens.
    const rejected = rejectedIn(envelope);
    // A connection that ends over refused recipients says something of this message, not of the server.
    const phase = this.#phase === "mail" && rejected.length > 0 ? "rcpt" : this.#phase;
    const failure = error instanceof SmtpFailure ? error.failure : describeFailure(error, phase);
    // After a refusal in words the connection is as good as before; in the midst of a body it is not.
    if (failure.reply === undefined || failure.phase === "body") this.destroy();
    this.#needsReset = failure.phase !== "dot";
    // With MAIL refused, what was pipelined behind it is refused for that alone.
    const isSender = failure.phase === "mail" && failure.reply !== undefined;
    return new SmtpFailure(failure, isSender ? [] : rejected);
  }

  #whyNotOpen(error: unknown, host: string): SmtpFailure {
    if (error instanceof SmtpFailure) return error;
    const isUpgrading = this.#connection.upgrading === true;
    const before = this.#connection.lastServerResponse === false ? "greeting" : "ehlo";
    const phase = this.#phase === "auth" ? "auth" : isUpgrading ? "starttls" : before;
    const failure = describeFailure(error, phase);
    if (!isUpgrading || !failure.code.startsWith("ERR_")) return new SmtpFailure(failure);
    const fault = Object.assign(new Error(failure.message), { code: failure.code });
    return new SmtpFailure({ ...failure, tls: true, message: explainTlsError(fault, undefined, host) });
  }

  #lost(error: Error): void {
    this.#gone ??= error;
    this.#wake?.(error);
  }

  /** Runs one of nodemailer's calls; rejects when the connection is lost meanwhile, whatever the call does. */
  async #untilLost<T>(
    signal: AbortSignal,
    call: (done: (error?: Error | null, result?: T) => void) => void,
  ): Promise<T> {
    if (this.#gone !== undefined) throw this.#gone;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const onAbort = (): void => reject(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    this.#wake = reject;
    try {
      call((error, result) => {
        if (error !== undefined && error !== null) reject(error);
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nodemailer gives a result exactly when there is no error
        else resolve(result as T);
      });
      return await promise;
    } finally {
      this.#wake = undefined;
      signal.removeEventListener("abort", onAbort);
    }
  }
}

function protocolFailure(phase: SmtpPhase, message: string): Failure {
  return { phase, reply: undefined, tls: false, code: "EPROTOCOL", message };
}

/** The recipients refused so far, from the books that nodemailer keeps in an envelope. */
function rejectedIn(envelope: object): readonly RejectedRecipient[] {
  const errors: unknown = Reflect.get(envelope, "rejectedErrors");
  return Array.isArray(errors) ? rejectedRecipients(errors) : [];
}
