/**
 * One SMTP connection on nodemailer's, with what that does not tell: in which phase it is, so that a connection lost
 * before the final dot and one lost after it are told apart.
 *
 * Guarantees: TCP and implicit TLS are ours (`net/dial.ts`); after STARTTLS the server's proof is checked before AUTH or
 * MAIL. No final dot leaves unless the body came to its end: a body that throws destroys the connection. Every wait has a
 * deadline. Fails with `SmtpFailure`; the connection is of no use then.
 */
import { Readable } from "node:stream";
import { TLSSocket } from "node:tls";
import SMTPConnection, { type SMTPConnectionSendInfo } from "nodemailer/lib/smtp-connection";
import type { SmtpPhase } from "../core/outcome.ts";
import { formatReversePath } from "../core/address.ts";
import { explainTlsError } from "../net/certificate.ts";
import { Deadline } from "../net/deadline.ts";
import { dial, DialError } from "../net/dial.ts";
import type { TlsPolicy } from "../net/tls-policy.ts";
import type { TlsSessions } from "../net/tls-sessions.ts";
import { tlsConnectOptions, verifyPeer } from "../net/verify-peer.ts";
import type { Failure } from "./classify.ts";
import { parseSmtpReply } from "./smtp-reply.ts";
import type { Transaction } from "./transport.ts";

/** What a login needs; the secret is read when it is used. */
export interface SmtpCredentials {
  readonly user: string;
  readonly secret:
    | { readonly kind: "password"; read(): Promise<string> }
    | { readonly kind: "oauth"; token(signal: AbortSignal): Promise<string>; invalidate(): void };
}

/** Milliseconds. RFC 5321 §4.5.3.2 gives the least that a client should wait; a LAN's server is given less for the start. */
export interface SmtpTimeouts {
  readonly connectMs: number;
  readonly greetingMs: number;
  /** From MAIL to the reply to DATA: tarpits of five seconds for each bad recipient are normal with Exchange. */
  readonly envelopeMs: number;
  /** A body that stands still, and the reply to the final dot (§4.5.3.2.6: ten minutes). */
  readonly bodyMs: number;
}

export const defaultSmtpTimeouts: SmtpTimeouts = {
  connectMs: 30_000,
  greetingMs: 60_000,
  envelopeMs: 15 * 60_000,
  bodyMs: 10 * 60_000,
};

export interface SmtpSessionOptions {
  readonly host: string;
  readonly port: number;
  readonly tls: TlsPolicy;
  /** Our name in EHLO. */
  readonly hostname: string;
  readonly credentials: SmtpCredentials | undefined;
  readonly timeouts: SmtpTimeouts;
  readonly sessions: TlsSessions | undefined;
}

/** A failure of the connection or the transaction as a whole. */
export class SmtpFailure extends Error {
  override readonly name = "SmtpFailure";
  readonly failure: Failure;
  /** Recipients' own refusals, when all of them were refused. */
  readonly rejected: readonly RejectedRecipient[];
  constructor(failure: Failure, rejected: readonly RejectedRecipient[] = []) {
    super(failure.message);
    this.failure = failure;
    this.rejected = rejected;
  }
}

export interface RejectedRecipient {
  readonly recipient: string;
  readonly failure: Failure;
}

/** When popgate stops, a server that has been given a whole message has so long to say that it has taken it. */
const lastReplyGraceMs = 20_000;

/** What nodemailer knows of the server, in fields that its types keep private. */
interface Known {
  readonly _supportedExtensions?: readonly string[];
  readonly _maxAllowedSize?: number | false;
  readonly _envelope?: { readonly rejectedErrors?: readonly unknown[] };
}

export class SmtpSession {
  readonly #connection: SMTPConnection;
  readonly #known: Known;
  #phase: SmtpPhase = "greeting";
  #gone: Error | undefined;
  #wake: ((error: Error) => void) | undefined;
  messages = 0;

  private constructor(connection: SMTPConnection) {
    this.#connection = connection;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- private in the types; the traps' spec shows they are there
    this.#known = connection as unknown as Known;
    connection.on("error", (error: Error) => this.#lost(error));
    connection.on("end", () => this.#lost(new Error("the server closed the connection")));
  }

  /** Connects, secures and logs in. */
  static async open(options: SmtpSessionOptions, signal: AbortSignal): Promise<SmtpSession> {
    const { host, port, tls, timeouts, sessions } = options;
    const socket = await dialOrFail(options, signal);
    const session = new SmtpSession(
      new SMTPConnection({
        host,
        port,
        name: options.hostname,
        connection: socket,
        secure: tls.mode === "implicit",
        secured: tls.mode === "implicit",
        ignoreTLS: tls.mode === "off",
        requireTLS: tls.mode === "starttls",
        // Whether the server has proved itself is judged below, by rules that know pins.
        tls: { ...tlsConnectOptions(tls, host), rejectUnauthorized: false },
        greetingTimeout: timeouts.greetingMs,
        socketTimeout: timeouts.bodyMs,
        socketCloseTimeout: 1000,
        ...customAuth(options.credentials, signal),
      }),
    );
    void sessions;
    try {
      using deadline = new Deadline(timeouts.greetingMs * 2, signal);
      await session.#untilLost(deadline.signal, (done) => session.#connection.connect(done));
      session.#checkPeer(options);
      if (options.credentials !== undefined) await session.#logIn(options, options.credentials, deadline.signal);
      session.#phase = "mail";
      return session;
    } catch (error) {
      session.destroy();
      throw session.#asFailure(error, signal);
    }
  }

  get isAlive(): boolean {
    return this.#gone === undefined;
  }

  offers(extension: "8BITMIME" | "SMTPUTF8"): boolean {
    return this.#known._supportedExtensions?.includes(extension) === true;
  }

  /** Octets by SIZE (RFC 1870); `undefined` when the server names no limit. */
  get maxOctets(): number | undefined {
    const size = this.#known._maxAllowedSize;
    return typeof size === "number" && size > 0 ? size : undefined;
  }

  /** Hands a message over. Rejects with `SmtpFailure`, with what the body threw, or with the signal's reason. */
  async send(transaction: Transaction, timeouts: SmtpTimeouts, signal: AbortSignal): Promise<SMTPConnectionSendInfo> {
    this.messages += 1;
    this.#phase = "mail";
    const failed: { body?: Error } = {};
    using stack = new DisposableStack();
    const ending = new AbortController();
    const envelope = stack.use(new Deadline(timeouts.envelopeMs, signal));
    const onEnvelopeEnd = (): void => {
      // The body has deadlines of its own, and a server that has the whole message is not left without need.
      if (signal.aborted && this.#hasSentDot()) {
        const grace = stack.use(new Deadline(lastReplyGraceMs, ending.signal));
        grace.signal.addEventListener("abort", () => ending.abort(grace.signal.reason), { once: true });
      } else if (signal.aborted || !this.#isSending()) ending.abort(envelope.signal.reason);
    };
    envelope.signal.addEventListener("abort", onEnvelopeEnd, { once: true });
    const body = Readable.from(this.#watched(transaction, failed), { objectMode: false, highWaterMark: 256 * 1024 });
    try {
      return await this.#untilLost<SMTPConnectionSendInfo>(ending.signal, (done) =>
        this.#connection.send(
          {
            from: formatReversePath(transaction.reversePath).slice(1, -1),
            to: [...transaction.recipients],
            size: transaction.size,
            use8BitMime: transaction.traits.eightBit || transaction.traits.eightBitHeader,
          },
          body,
          done,
        ),
      );
    } catch (error) {
      if (failed.body !== undefined) {
        this.destroy();
        throw failed.body;
      }
      const failure = this.#withRejected(this.#asFailure(error, signal));
      // After a refusal in words the connection is as good as before once RSET has been said.
      const answered = failure instanceof SmtpFailure && failure.failure.reply !== undefined;
      if (!answered || failure.failure.phase === "body") this.destroy();
      throw failure;
    } finally {
      envelope.signal.removeEventListener("abort", onEnvelopeEnd);
      body.destroy();
    }
  }

  /** RSET: needed after a transaction that was refused part of the way. */
  async reset(signal: AbortSignal): Promise<void> {
    using deadline = new Deadline(60_000, signal);
    await this.#untilLost(deadline.signal, (done) => this.#connection.reset(done));
  }

  /** Says QUIT and lets go. */
  quit(): void {
    if (this.#gone !== undefined) return;
    this.#gone = new Error("QUIT");
    this.#connection.quit();
  }

  destroy(): void {
    this.#gone ??= new Error("destroyed");
    const { _socket: socket } = this.#connection;
    this.#connection.close();
    if (socket !== false && socket !== null) socket.destroy();
  }

  #isSending(): boolean {
    return this.#phase === "body" || this.#hasSentDot();
  }

  #hasSentDot(): boolean {
    return this.#phase === "dot";
  }

  /** The body, with the phase told on the way. */
  async *#watched(transaction: Transaction, failed: { body?: Error }): AsyncGenerator<Buffer> {
    this.#phase = "body";
    try {
      yield* transaction.body();
    } catch (error) {
      failed.body = error instanceof Error ? error : new Error(String(error));
      throw error;
    }
    // What follows is the final dot: from here on the server may have taken the message.
    this.#phase = "dot";
  }

  async #logIn(options: SmtpSessionOptions, { user, secret }: SmtpCredentials, signal: AbortSignal): Promise<void> {
    this.#phase = "auth";
    const secured = this.#connection.secure || options.tls.mode === "implicit";
    if (!secured && options.tls.mode !== "off")
      throw new Error("the connection is not encrypted, and the password is not sent in the clear");
    if (!this.#connection.allowsAuth) throw new Error("the server does not offer AUTH on this connection");
    const login =
      secret.kind === "password"
        ? { user, credentials: { user, pass: await secret.read() } }
        : { user, method: "XOAUTH2", credentials: { user, pass: "" } };
    await this.#untilLost(signal, (done) => this.#connection.login(login, done));
  }

  #checkPeer({ tls, host }: SmtpSessionOptions): void {
    const { _socket: socket } = this.#connection;
    // With implicit TLS `dial` has seen to it.
    if (tls.mode === "implicit" || !(socket instanceof TLSSocket)) return;
    const distrust = verifyPeer(socket, tls, host);
    if (distrust === undefined) return;
    const message = explainTlsError(distrust, distrust.chain[0], host);
    throw new SmtpFailure({ phase: "starttls", reply: undefined, tls: true, code: distrust.code, message });
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

  /**
   * Adds what recipients were refused before the connection ended. Exchange ends it after five errors: without this, a
   * message with five unknown recipients would run into that for ever, and never reach the sixth.
   */
  #withRejected(failure: Error): Error {
    if (!(failure instanceof SmtpFailure) || failure.rejected.length > 0) return failure;
    // With MAIL refused, what was pipelined behind it is refused for that alone.
    if (failure.failure.phase === "mail" && failure.failure.reply !== undefined) return failure;
    return new SmtpFailure(failure.failure, rejectedRecipients(this.#known._envelope?.rejectedErrors ?? []));
  }

  #asFailure(error: unknown, signal: AbortSignal): Error {
    if (error instanceof SmtpFailure) return error;
    if (signal.aborted && this.#phase !== "dot")
      return signal.reason instanceof Error ? signal.reason : new Error("aborted");
    const failure = describe(error, this.#phase);
    return new SmtpFailure(failure, rejectedOf(error));
  }
}

async function dialOrFail({ host, port, tls, timeouts, sessions }: SmtpSessionOptions, signal: AbortSignal) {
  try {
    return await dial({ host, port, tls, connectTimeoutMs: timeouts.connectMs, sessions }, signal);
  } catch (error) {
    if (!(error instanceof DialError)) throw error;
    const { kind, code, message } = error;
    throw new SmtpFailure({ phase: "connect", reply: undefined, tls: kind === "tls", code, message });
  }
}

/** nodemailer's errors carry code, command and response as loose properties. */
function describe(error: unknown, phase: SmtpPhase): Failure {
  const text = (name: string): string => {
    const value: unknown = typeof error === "object" && error !== null ? Reflect.get(error, name) : undefined;
    return typeof value === "string" ? value : "";
  };
  const message = error instanceof Error ? error.message : String(error);
  const code = text("originalCode") || text("code") || "UNKNOWN";
  const reply = parseSmtpReply(text("response"));
  return { phase: phaseOf(text("command"), phase), reply, tls: text("code") === "ETLS", code, message };
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

function rejectedOf(error: unknown): RejectedRecipient[] {
  const list: unknown = typeof error === "object" && error !== null ? Reflect.get(error, "rejectedErrors") : undefined;
  return Array.isArray(list) ? rejectedRecipients(list) : [];
}

/** nodemailer's `rejectedErrors`, each with the recipient it is about. */
export function rejectedRecipients(errors: readonly unknown[]): RejectedRecipient[] {
  return errors.flatMap((error) => {
    const recipient: unknown =
      typeof error === "object" && error !== null ? Reflect.get(error, "recipient") : undefined;
    return typeof recipient === "string" ? [{ recipient, failure: describe(error, "rcpt") }] : [];
  });
}

/** XOAUTH2 with a token of ours: nodemailer's own generator would fetch tokens by itself. */
function customAuth(credentials: SmtpCredentials | undefined, signal: AbortSignal): SMTPConnection.Options {
  if (credentials?.secret.kind !== "oauth") return {};
  const { user, secret } = credentials;
  return {
    customAuth: {
      XOAUTH2: async (context) => {
        const token = await secret.token(signal);
        const proof = Buffer.from(`user=${user}\u0001auth=Bearer ${token}\u0001\u0001`).toString("base64");
        let reply = await context.sendCommand(`AUTH XOAUTH2 ${proof}`);
        // The server explains a refusal, and wants an empty line before it refuses.
        if (reply.status === 334) reply = await context.sendCommand("");
        if (reply.status === 235) context.resolve();
        else {
          secret.invalidate();
          context.reject(new Error(`the access token was refused: ${reply.response}`));
        }
      },
    },
  };
}
