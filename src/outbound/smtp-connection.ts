/**
 * One connection: smtp-server's, with our session in it.
 *
 * Of smtp-server's connection are used the socket's life (errors, closing, half-closed peers, the idle timer) and
 * STARTTLS. Its commands, its replies and its parser are not: `_createParser` gives it our reader, so that none of its
 * handlers is ever reached. Everything that is overridden or read of its inside is in this file and in `smtp-server.ts`,
 * and spec/outbound/smtp-server-traps.spec.ts fails when the library changes beneath.
 *
 * A connection is counted (its pass held) until its socket is closed. When it ends in the middle of a message, the
 * message is forgotten. The idle timer counts only while the client is to speak: the wait for our own commit never ends
 * a connection.
 */
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { SMTPServer } from "smtp-server";
import { SMTPConnection, type SMTPConnectionOptions } from "smtp-server/lib/smtp-connection.js";
import type { Address } from "../core/address.ts";
import type { EventOf, EventSink } from "../core/events.ts";
import type { Clock } from "../core/ports.ts";
import type { Gatekeeper, Pass, Receiver, SmtpAnswer, SmtpClient } from "./port.ts";
import { answers, answerText, formatAnswer, formatLines } from "./smtp-answers.ts";
import { type BodySink, SmtpReader } from "./smtp-reader.ts";
import { SmtpSession, type Wire } from "./smtp-session.ts";

/** What all connections of a listener share. */
export interface ConnectionHost {
  readonly hostname: string;
  readonly postmaster: Address;
  /** How long a client may be silent, in the session and in the middle of a TLS handshake; how long a session may last. */
  readonly idleMs: number;
  readonly handshakeMs: number;
  readonly sessionMs: number;
  readonly gatekeeper: Gatekeeper;
  readonly receiver: Receiver;
  readonly clock: Clock;
  readonly events: EventSink;
  /** There is a certificate to negotiate TLS with. */
  readonly hasCertificate: boolean;
  /** No connection is to wait for its client to close its side. */
  readonly isStopping: boolean;
  refused(refusal: Omit<EventOf<"client-refused">, "kind">): void;
}

export class SmtpConnection extends SMTPConnection implements Wire {
  readonly #host: ConnectionHost;
  readonly #client: SmtpClient;
  readonly #life = new AbortController();
  readonly #gone = Promise.withResolvers<void>();
  #session: SmtpSession | undefined;
  #pass: Pass | undefined;
  /** The socket that is not under another: the TLS socket as soon as a handshake has begun. */
  #topmost: Socket;
  #tlsHasFailed = false;
  /** Replies that leave together at the end of this turn (RFC 2920 §3.2). */
  #replies = "";

  constructor(
    server: SMTPServer,
    socket: Socket,
    options: SMTPConnectionOptions | null | undefined,
    host: ConnectionHost,
  ) {
    super(server, socket, options);
    this.#host = host;
    this.#topmost = socket;
    this.#client = {
      address: plainAddress(socket.remoteAddress),
      listener: hostAndPort(plainAddress(socket.localAddress), socket.localPort ?? 0),
      helo: "",
      esmtp: false,
      tls: undefined,
      user: undefined,
    };
  }

  /** Resolves when the socket is closed and nothing of this connection is under way any more. */
  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  get tls(): SmtpClient["tls"] {
    const socket = this._socket;
    if (!this.secure || !(socket instanceof TLSSocket)) return undefined;
    return { protocol: socket.getProtocol() ?? "TLS", cipher: socket.getCipher().name };
  }

  get canStartTls(): boolean {
    return !this.secure && this.#host.hasCertificate;
  }

  get isWorking(): boolean {
    return this.#reader?.isWorking === true;
  }

  answer(answer: SmtpAnswer): void {
    this.#write(formatAnswer(answer));
  }

  lines(code: number, lines: readonly string[]): void {
    this.#write(formatLines(code, lines));
  }

  startTls(): void {
    this.#flush();
    this.upgrade(() => undefined);
  }

  readText(sink: BodySink): void {
    this.#reader?.readText(sink);
  }

  readOctets(octets: number, sink: BodySink): void {
    this.#reader?.readOctets(octets, sink);
  }

  /** The listener stops: nothing new is begun, the message that is under way may come to its end. */
  stop(): void {
    if (this._closing || this.#session === undefined || this._upgrading) this.close();
    else this.#session.end(answers.stopping, true);
  }

  /** Ends it now. The raw socket must not be taken away from under a handshake. */
  abort(): void {
    this.#topmost.destroy();
  }

  /** smtp-server waits a tenth of a second before the greeting; one turn shows as well who speaks first. */
  override init(): void {
    this._setListeners(() => setImmediate(() => setImmediate(() => this.connectionReady())));
  }

  override connectionReady(): void {
    if (this._closing || this._closed) return;
    const { gatekeeper, events, hostname } = this.#host;
    const client = { ...this.#client, tls: this.tls };
    try {
      const admission = gatekeeper.admit(client);
      if (admission.kind === "no") return this.#turnAway(admission.answer);
      this.#pass = admission.pass;
    } catch (error) {
      events.emit({ kind: "internal-error", where: "gatekeeper", detail: String(error) });
      return this.#turnAway({ ...answers.fault, code: 421 });
    }
    this.#session = new SmtpSession(
      {
        ...this.#host,
        address: client.address,
        listener: client.listener,
        pass: this.#pass,
        refused: ({ user }, stage, answer) => this.#refused(stage, answerText(answer), user),
      },
      this,
    );
    this._ready = true;
    void this.#limitLife();
    this.lines(220, [`${hostname} ESMTP`]);
  }

  override close(): void {
    if (this._upgrading) return this.abort();
    this.#flush();
    super.close();
    // Nothing more is read: what was being taken in will not become whole.
    void this.#session?.lost();
    if (this.#host.isStopping) this._socket.destroySoon();
  }

  override _createParser(): SmtpReader {
    // Called by the constructor of the base: nothing of this object may be touched before the first octet comes.
    const reader = new SmtpReader({
      line: (line) => this.#line(line),
      room: () => this.#room(),
      // The client's time begins anew.
      worked: () => this._socket.setTimeout(this._socket.timeout ?? 0),
      end: () => this.close(),
    });
    reader.on("error", (error) => {
      this.#host.events.emit({ kind: "internal-error", where: "listener", detail: String(error) });
      this._socket.destroy();
    });
    return reader;
  }

  /** After STARTTLS smtp-server forgets what it knew of the client. It calls this for nothing else here. */
  override _resetSession(): void {
    super._resetSession();
    this._socket.setTimeout(this.#host.idleMs);
    this.#session?.restart();
  }

  /** smtp-server arms the timer of each socket of a connection, and so shows which is the topmost. */
  override _armTimeout(socket: Socket = this._socket): void {
    this.#topmost = socket;
    const { idleMs, handshakeMs } = this.#host;
    socket.setTimeout(this._upgrading ? handshakeMs : idleMs, () => this._onTimeout());
  }

  override _onTimeout(): void {
    if (this._closing) this.abort();
    else if (this.isWorking) this._armTimeout();
    else if (this.#session === undefined || this._upgrading) this.abort();
    else this.#session.end(answers.idle, false);
  }

  override _onClose(): void {
    super._onClose();
    this.#life.abort();
    this.#pass?.[Symbol.dispose]();
    this.#pass = undefined;
    const lost = this.#session?.lost() ?? Promise.resolve();
    void lost.then(() => this.#gone.resolve());
  }

  /** What smtp-server would say by itself; nothing of it is reached here but the end of a connection. */
  override send(code: number): void {
    if (code === 421) this.close();
  }

  /** Tells that TLS could not be negotiated. smtp-server may say so several times. */
  tlsFailed(error: Error): void {
    if (!this._upgrading || this.#tlsHasFailed) return;
    this.#tlsHasFailed = true;
    this.#refused("helo", tlsFault(error), undefined);
  }

  get #reader(): SmtpReader | undefined {
    return this._parser instanceof SmtpReader ? this._parser : undefined;
  }

  #line(line: Buffer | undefined): Promise<void> | undefined {
    if (this.#session !== undefined) return this.#session.line(line);
    this.#turnAway(answers.spokeTooSoon);
    return undefined;
  }

  #turnAway(answer: SmtpAnswer): void {
    this.#refused("connect", answerText(answer), undefined);
    this.answer(answer);
    this.close();
  }

  #refused(stage: EventOf<"client-refused">["stage"], reply: string, user: string | undefined): void {
    this.#host.refused({ client: this.#client.address, user, stage, reply });
  }

  async #limitLife(): Promise<void> {
    try {
      await this.#host.clock.sleep(this.#host.sessionMs, this.#life.signal);
    } catch {
      return;
    }
    this.#session?.end(answers.tooLong, false);
  }

  #write(text: string): void {
    if (this.#replies === "") process.nextTick(() => this.#flush());
    this.#replies += text;
  }

  #flush(): void {
    const text = this.#replies;
    this.#replies = "";
    // During the handshake the raw socket belongs to it: whatever was written there would break it.
    if (text !== "" && !this._upgrading && this._socket.writable) this._socket.write(text);
  }

  /** A client that sends commands and reads no replies must not make us keep them. */
  #room(): Promise<void> | undefined {
    const socket = this._socket;
    if (!socket.writableNeedDrain || socket.destroyed) return undefined;
    return new Promise((resolve) => {
      const done = (): void => {
        socket.off("drain", done).off("close", done);
        resolve();
      };
      socket.on("drain", done).on("close", done);
    });
  }
}

/** IPv4 in its own form, even where it came as `::ffff:…`. */
function plainAddress(address: string | undefined): string {
  return (address ?? "").replace(/^::ffff:(?=\d+\.)/iu, "");
}

/** `192.0.2.1:25`, `[2001:db8::1]:25`. */
export function hostAndPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** In OpenSSL's words, without where in its sources they stand. */
export function tlsFault(error: Error): string {
  const reason = "reason" in error && typeof error.reason === "string" ? error.reason : error.message;
  return `TLS failed: ${reason
    .replace(/[^ -~]+/gu, " ")
    .trim()
    .slice(0, 200)}`;
}
