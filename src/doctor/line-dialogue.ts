/**
 * A dialogue in lines with a server that may be anything: what it says first, and the replies to a few commands that
 * need no login (CAPA, STLS; EHLO, STARTTLS; QUIT). For looking only; mail goes other ways.
 *
 * Every wait has a deadline. Bounded: a reply of more than 64 kB is a fault. Rejects with `DialogueEnded`.
 */
import type { Socket } from "node:net";
import { looksLikeTls } from "../net/certificate.ts";
import { Deadline } from "../net/deadline.ts";

/** Why no reply came. `tls`: the server began with octets of TLS. */
export class DialogueEnded extends Error {
  override readonly name = "DialogueEnded";
  readonly why: "silence" | "closed" | "tls" | "too-long";
  constructor(why: DialogueEnded["why"], message: string) {
    super(message);
    this.why = why;
  }
}

const longestReply = 64 * 1024;

/** True when the reply is complete. */
type Whole = (lines: readonly string[]) => boolean;

const oneLine: Whole = (lines) => lines.length > 0;
/** RFC 1939 §3: an error has one line, anything else goes on to a line with a dot. */
const dotEnded: Whole = (lines) => lines.at(-1) === "." || lines[0]?.startsWith("-ERR") === true;
/** RFC 5321 §4.2.1: the last line has no hyphen after its code. */
const codeEnded: Whole = (lines) =>
  lines.some((line) => /^\d{3}(?!-)/u.test(line)) || (lines.length > 0 && !/^\d{3}/u.test(lines[0] ?? ""));

/** One connection. The socket is the dialogue's until `release`. */
export class LineDialogue implements Disposable {
  readonly #socket: Socket;
  readonly #signal: AbortSignal;
  #text = "";
  #ended: DialogueEnded | undefined;
  #wake: () => void = () => undefined;

  constructor(socket: Socket, signal: AbortSignal) {
    this.#socket = socket;
    this.#signal = signal;
    socket.on("data", this.#onData).on("end", this.#onEnd).on("close", this.#onEnd);
  }

  /** The first line, or lines, of the server. */
  async greeting(protocol: "pop3" | "smtp", ms: number): Promise<readonly string[]> {
    return this.#reply(protocol === "pop3" ? oneLine : codeEnded, ms);
  }

  async pop3(command: string, ms: number, isLong = false): Promise<readonly string[]> {
    this.#socket.write(`${command}\r\n`);
    return this.#reply(isLong ? dotEnded : oneLine, ms);
  }

  async smtp(command: string, ms: number): Promise<readonly string[]> {
    this.#socket.write(`${command}\r\n`);
    return this.#reply(codeEnded, ms);
  }

  /** Gives the socket back, for a TLS handshake, with nothing of ours on it. */
  release(): Socket {
    this.#unlisten();
    return this.#socket;
  }

  [Symbol.dispose](): void {
    this.#unlisten();
    this.#socket.destroy();
  }

  #unlisten(): void {
    this.#socket.off("data", this.#onData).off("end", this.#onEnd).off("close", this.#onEnd).pause();
  }

  async #reply(isWhole: Whole, ms: number): Promise<readonly string[]> {
    using deadline = new Deadline(ms, this.#signal);
    const onAbort = (): void => this.#wake();
    deadline.signal.addEventListener("abort", onAbort, { once: true });
    for (;;) {
      const lines = this.#text.split(/\r?\n/u);
      // The last one has no line end yet.
      const rest = lines.pop() ?? "";
      if (isWhole(lines)) {
        this.#text = rest;
        return lines;
      }
      if (this.#ended !== undefined) throw this.#ended;
      this.#signal.throwIfAborted();
      if (deadline.signal.aborted) throw new DialogueEnded("silence", `no reply within ${ms / 1000} s`);
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#text === "" && looksLikeTls(chunk)) this.#end("tls", "the server answered in TLS");
    this.#text += chunk.toString("utf8");
    if (this.#text.length > longestReply) this.#end("too-long", "the server's reply does not end");
    this.#wake();
  };

  readonly #onEnd = (): void => {
    this.#end("closed", "the server closed the connection");
    this.#wake();
  };

  #end(why: DialogueEnded["why"], message: string): void {
    this.#ended ??= new DialogueEnded(why, message);
  }
}
