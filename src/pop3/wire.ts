/**
 * Commands out, replies in, in the order of RFC 1939 §3 and RFC 2449 §6.6: the one owner of the socket.
 *
 * Commands wait in a queue until they may be written; at most `window` are outstanding, and those that may go together
 * go in one write. Replies are matched to them in order. The socket is paused while readers of messages are slower than
 * the server. Every command ends: with its reply, or with the `Pop3Error` that ended the session, which is the same for
 * all of them. What a server sends without being asked ends the session, too.
 * How replies are read is the business of `reply-reader.ts`.
 */
import type { Socket } from "node:net";
import type { Clock } from "../core/ports.ts";
import { MessageBody, ReplyCollector } from "./body.ts";
import { aborted } from "./failure.ts";
import { Pop3Error } from "./port.ts";
import type { Pop3Reply } from "./reply.ts";
import { type Pending, ReplyReader, replyProgress } from "./reply-reader.ts";
import { Watchdog } from "./watchdog.ts";

export interface WireOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly greetingTimeoutMs: number;
  readonly commandTimeoutMs: number;
  /** How long a reply that has begun may stand still. */
  readonly dataTimeoutMs: number;
  /** Longest status line taken. */
  readonly maxLineOctets: number;
}

/** Queued message octets at which reading stops, and at which it goes on. */
const pauseAt = 256 * 1024;
const resumeAt = 128 * 1024;
/** Fewer octets than this within a time-out are no progress: a server that dribbles is stuck. */
const leastProgress = replyProgress;
const nothing = Buffer.alloc(0);

export class Pop3Wire implements Disposable {
  /** How many commands may be outstanding. 1 until the server is known to take more. */
  window = 1;
  readonly #options: WireOptions;
  readonly #watchdog: Watchdog;
  readonly #onAbort = (): void => this.#fail(aborted(this.#options.signal));
  #socket: Socket;
  readonly #queue: Pending[] = [];
  readonly #sent: Pending[] = [];
  readonly #reader: ReplyReader;
  #queuedOctets = 0;
  #progress = 0;
  #error: Pop3Error | undefined;
  #lost = false;
  #flush: NodeJS.Immediate | undefined;
  #unlisten: () => void = () => undefined;

  constructor(socket: Socket, options: WireOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#watchdog = new Watchdog(options.clock, () => this.#afterWait());
    this.#reader = new ReplyReader(this.#sent, options.maxLineOctets, {
      fail: (error) => this.#fail(error),
      confirm: () => {
        this.#queue.unshift({ line: "NOOP", patienceMs: options.commandTimeoutMs, settle: settled() });
      },
      progress: (octets) => {
        this.#progress += octets;
      },
    });
    options.signal.addEventListener("abort", this.#onAbort, { once: true });
    if (options.signal.aborted) this.#onAbort();
    else this.#listen();
  }

  /** The connection ended, or broke, without our doing. */
  get lost(): boolean {
    return this.#lost;
  }

  /** The first line from the server. To be called first. */
  greeting(): Promise<Pop3Reply> {
    const pending = { line: "", patienceMs: this.#options.greetingTimeoutMs, settle: settled() };
    if (this.#error !== undefined) return Promise.reject(this.#error);
    this.#sent.push(pending);
    this.#wait();
    return pending.settle.promise;
  }

  /** A command with a reply of one line. `sasl`: a `+` is taken, too. */
  command(line: string, sasl = false): Promise<Pop3Reply> {
    return this.#submit({ line, patienceMs: this.#options.commandTimeoutMs, sasl, settle: settled() });
  }

  /** A command whose whole reply is wanted, up to `keep` octets; more than `max` ends the session. */
  async collect(line: string, keep: number, max: number): Promise<{ reply: Pop3Reply; content: Buffer }> {
    const sink = new ReplyCollector(keep);
    const patienceMs = this.#options.commandTimeoutMs;
    const reply = await this.#submit({ line, patienceMs, sink, maxOctets: max, settle: settled() });
    return { reply, content: reply.status === "ok" ? await sink.content : nothing };
  }

  /** A command whose reply is a message: settles with the status line. `listed` is the size that LIST gave. */
  async stream(
    line: string,
    listed: number | undefined,
    max: number,
  ): Promise<{ reply: Pop3Reply; body: MessageBody }> {
    const body = new MessageBody((change) => this.#account(change));
    const announced = (reply: Pop3Reply): number | undefined => {
      const octets = /^\s*(\d{1,15})\s+octets/iu.exec(reply.text)?.[1];
      return octets === undefined ? listed : Number(octets);
    };
    const patienceMs = this.#options.commandTimeoutMs;
    const reply = await this.#submit({ line, patienceMs, sink: body, maxOctets: max, announced, settle: settled() });
    return { reply, body };
  }

  /** Hands the socket to a TLS handshake and goes on over what comes back. Nothing may be outstanding. */
  async secure(handshake: (socket: Socket) => Promise<Socket>): Promise<void> {
    if (this.#error !== undefined) throw this.#error;
    if (this.#sent.length + this.#queue.length > 0) throw new TypeError("commands are outstanding");
    this.#unlisten();
    const socket = await handshake(this.#socket);
    this.#socket = socket;
    if (this.#error === undefined) this.#listen();
    else socket.destroy();
  }

  /** After the reply to QUIT: closes in good order. */
  close(): void {
    this.#finish(new Pop3Error("connection", "the session is over"));
    this.#socket.destroySoon();
  }

  /** Idempotent. What is outstanding fails. */
  [Symbol.dispose](): void {
    this.#fail(new Pop3Error("aborted", "the session was given up"));
  }

  #listen(): void {
    const socket = this.#socket;
    const onData = (chunk: Buffer): void => this.#take(chunk);
    const onEnd = (): void => this.#lose("the server closed the connection");
    const onError = (error: Error): void => this.#lose(`the connection broke: ${error.message}`, error);
    const onClose = (): void => this.#lose("the connection was closed");
    socket.on("data", onData).on("end", onEnd).on("error", onError).on("close", onClose);
    this.#unlisten = () => {
      socket.off("data", onData).off("end", onEnd).off("error", onError).off("close", onClose).pause();
    };
  }

  #submit(pending: Pending): Promise<Pop3Reply> {
    // A line end in a password would be a second command.
    if (/[\r\n\0]/u.test(pending.line))
      pending.settle.reject(new Pop3Error("permanent", "a user name, password or token holds a line end or NUL"));
    else if (this.#error === undefined) {
      this.#queue.push(pending);
      this.#schedule();
    } else {
      pending.settle.reject(this.#error);
    }
    return pending.settle.promise;
  }

  /** What is asked for in one turn leaves in one write (some servers read no command that comes in pieces). */
  #schedule(): void {
    if (this.#queue.length === 0 || this.#sent.length >= this.window) return;
    this.#flush ??= setImmediate(() => {
      this.#flush = undefined;
      const burst = this.#queue.splice(0, Math.max(0, this.window - this.#sent.length));
      if (burst.length === 0) return;
      this.#sent.push(...burst);
      this.#wait();
      this.#socket.write(burst.map(({ line }) => `${line}\r\n`).join(""));
    });
  }

  #wait(): void {
    if (this.#watchdog.arm(this.#patience())) this.#progress = 0;
    else this.#progress += leastProgress;
  }

  #patience(): number {
    if (this.#reader.inContent) return this.#options.dataTimeoutMs;
    return this.#sent[0]?.patienceMs ?? this.#options.commandTimeoutMs;
  }

  #afterWait(): number | undefined {
    const [head] = this.#sent;
    if (head === undefined) return undefined;
    const stuck = this.#progress < leastProgress && !this.#socket.isPaused();
    this.#progress = 0;
    if (!stuck) return this.#patience();
    if (this.#reader.standstill()) {
      this.#schedule();
      return this.#patience();
    }
    const what = head.line === "" ? "no greeting came" : `no reply to ${head.line.split(" ", 1).join("")} came`;
    const seconds = this.#patience() / 1000;
    const where = this.#reader.inContent ? "the reply stopped coming before its end" : what;
    this.#fail(new Pop3Error("connection", `${where} within ${seconds} s`));
    return undefined;
  }

  #take(chunk: Buffer): void {
    this.#reader.take(chunk);
    this.#schedule();
  }

  #account(change: number): void {
    this.#queuedOctets += change;
    if (this.#error !== undefined) return;
    if (this.#queuedOctets >= pauseAt) this.#socket.pause();
    else if (this.#queuedOctets <= resumeAt && this.#socket.isPaused()) this.#socket.resume();
  }

  #lose(message: string, cause?: Error): void {
    if (this.#error !== undefined) return;
    this.#lost = true;
    this.#fail(new Pop3Error("connection", message, { cause }));
  }

  #fail(error: Pop3Error): void {
    this.#finish(error);
    this.#socket.destroy();
  }

  #finish(error: Pop3Error): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.#unlisten();
    this.#socket.on("error", () => undefined);
    this.#watchdog[Symbol.dispose]();
    this.#options.signal.removeEventListener("abort", this.#onAbort);
    if (this.#flush !== undefined) clearImmediate(this.#flush);
    const outstanding = [...this.#sent.splice(0), ...this.#queue.splice(0)];
    this.#reader.fail(error);
    for (const { settle, sink } of outstanding) {
      sink?.fail(error);
      settle.reject(error);
    }
  }
}

/** A reply that nobody waits for may fail unheard: the error is the session's, and every later call says it again. */
function settled(): PromiseWithResolvers<Pop3Reply> {
  const settle = Promise.withResolvers<Pop3Reply>();
  settle.promise.catch(() => undefined);
  return settle;
}
