/**
 * The stand-in's end of one connection: what the client has sent and nobody has read yet, and the ways of answering and
 * of ending. It knows no SMTP but the line ends. What comes in after the end is dropped.
 */
import type { Socket } from "node:net";

export class SmtpStandInChannel {
  /** The TCP connection, under TLS too: only it can be reset. */
  readonly #wire: Socket;
  #socket: Socket;
  #secured: boolean;
  #input: Buffer = Buffer.alloc(0);
  #over = false;
  readonly #onInput: () => void;

  /** `secure`: TLS from the first octet. */
  constructor(wire: Socket, secure: ((socket: Socket) => Socket) | undefined, onInput: () => void) {
    this.#wire = wire;
    this.#socket = secure === undefined ? wire : secure(wire);
    this.#secured = secure !== undefined;
    this.#onInput = onInput;
    this.#listen();
  }

  /** Nothing is read or answered any more. */
  get over(): boolean {
    return this.#over;
  }

  get secured(): boolean {
    return this.#secured;
  }

  /** Octets that nobody has read yet. */
  get pending(): number {
    return this.#input.length;
  }

  /** The next line without its CRLF; `undefined` until it is complete. Bare CR and LF do not end a line. */
  line(): Buffer | undefined {
    const end = this.#input.indexOf("\r\n");
    if (end < 0) return undefined;
    const line = this.#input.subarray(0, end);
    this.#input = this.#input.subarray(end + 2);
    return line;
  }

  /** All that is there. */
  octets(): Buffer {
    const all = this.#input;
    this.#input = Buffer.alloc(0);
    return all;
  }

  /** Gives back what was read too far. */
  unread(rest: Buffer): void {
    this.#input = Buffer.concat([rest, this.#input]);
  }

  /** While paused, the client is held up by TCP. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  send(lines: readonly string[]): void {
    if (!this.#over) this.#socket.write(lines.map((line) => `${line}\r\n`).join(""));
  }

  /** Ends the connection when what was sent has left. */
  end(): void {
    this.hush();
    this.#socket.end();
  }

  /** Ends the connection at once. */
  drop(how: "drop" | "reset"): void {
    this.#over = true;
    if (how === "reset") this.#wire.resetAndDestroy();
    this.#socket.destroy();
  }

  /** Says nothing more, and keeps the connection open until the client ends it. */
  hush(): void {
    this.#over = true;
    this.#input = Buffer.alloc(0);
    // What the client still sends is read and dropped: unread, it would turn the end into a reset that eats replies.
    this.#socket.off("data", this.#onData);
    this.#socket.resume();
  }

  /** Puts TLS on the connection. What came in the clear behind the command does not count (RFC 3207 §5). */
  secure(wrap: (socket: Socket) => Socket): void {
    this.#input = Buffer.alloc(0);
    this.#socket.off("data", this.#onData);
    this.#socket.off("close", this.#onClose);
    this.#socket = wrap(this.#socket);
    this.#secured = true;
    this.#listen();
  }

  #listen(): void {
    const socket = this.#socket;
    socket.on("data", this.#onData);
    socket.on("error", () => socket.destroy());
    socket.on("close", this.#onClose);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#input = this.#input.length === 0 ? chunk : Buffer.concat([this.#input, chunk]);
    this.#onInput();
  };

  readonly #onClose = (): void => {
    this.#over = true;
  };
}
