/**
 * Reads what a client sends: command lines, the text of a message up to its final dot, or so many octets of a chunk.
 *
 * It takes the place of smtp-server's parser, of which only the stream itself is used: the parser ends command lines at
 * a bare LF, takes dots away behind bare LFs, needs a turn of the event loop for each such dot, and runs the last line
 * of a connection although its end never came. Here
 * - a command ends at CRLF only; one that is longer than `maxLineOctets` is thrown away as it comes;
 * - a message ends at CRLF . CRLF only (`smtp-data-scanner.ts`);
 * - nothing more is read while a command or a piece of a message is being worked on, and so memory is bounded;
 * - once the connection has closed it (`isClosed`), everything is thrown away: nothing that came before TLS was
 *   negotiated is ever read as a command (RFC 3207 §4.2).
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { SMTPStream } from "smtp-server/lib/smtp-stream.js";
import { DataScanner } from "./smtp-data-scanner.ts";

/** RFC 5321 §4.5.3.1.4 says 512, its extensions add to that; a RCPT with a very long address and ORCPT fits. */
const maxLineOctets = 2048;
/** Commands that are done without waiting, one behind another, before others get their turn. */
const commandsInOneTurn = 100;

/** Where the octets of a message go. */
export interface BodySink {
  take(chunk: Buffer): Promise<void>;
  /** All of it has been read. */
  end(): Promise<void>;
}

/** What the reader tells. It waits for each promise before it reads on. */
export interface ReaderHost {
  /** A command without its CRLF; `undefined` if it was too long. */
  line(line: Buffer | undefined): Promise<void> | undefined;
  /** Ready for the next command: replies can be written again. */
  room(): Promise<void> | undefined;
  /** A command or a piece of a message is done: it is the client's turn again. */
  worked(): void;
  /** The client has sent all it wanted to send. */
  end(): void;
}

type Mode =
  | { readonly kind: "lines" }
  | { readonly kind: "text"; readonly sink: BodySink; readonly scanner: DataScanner }
  | { readonly kind: "octets"; readonly sink: BodySink; left: number };

const crlf = Buffer.from("\r\n");
const cr = 0x0d;
const none: Buffer = Buffer.alloc(0);

export class SmtpReader extends SMTPStream {
  readonly #host: ReaderHost;
  #mode: Mode = { kind: "lines" };
  /** The beginning of a line whose end has not come. */
  #held = none;
  #overlong = false;
  #working = false;
  #commands = 0;

  constructor(host: ReaderHost) {
    super();
    this.#host = host;
  }

  /** True while the client waits for us. */
  get isWorking(): boolean {
    return this.#working;
  }

  /** True while a message is being read: what comes next is no command. */
  get isInBody(): boolean {
    return this.#mode.kind !== "lines";
  }

  /** What comes next is a message, up to its final dot. */
  readText(sink: BodySink): void {
    this.#mode = { kind: "text", sink, scanner: new DataScanner() };
  }

  /** What comes next are so many octets of a message. */
  readOctets(octets: number, sink: BodySink): void {
    this.#mode = { kind: "octets", sink, left: octets };
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding | "buffer", done: (error?: Error | null) => void): void {
    void this.#write(chunk, done);
  }

  /** smtp-server calls this when the client has ended its side. A line without an end is not a command. */
  override _flushData(): void {
    if (!this.isClosed) this.#host.end();
  }

  async #write(chunk: Buffer, done: (error?: Error) => void): Promise<void> {
    try {
      await this.#consume(chunk);
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    done();
  }

  async #consume(chunk: Buffer): Promise<void> {
    let rest = chunk;
    while (!this.isClosed) {
      const mode = this.#mode;
      if (mode.kind === "octets" && mode.left === 0) await this.#endBody(mode.sink);
      else if (rest.length === 0) return;
      else if (mode.kind === "octets") rest = await this.#readOctets(mode, rest);
      else if (mode.kind === "text") rest = await this.#readText(mode, rest);
      else rest = await this.#readLine(rest);
    }
  }

  async #readOctets(mode: Extract<Mode, { kind: "octets" }>, chunk: Buffer): Promise<Buffer> {
    const octets = chunk.subarray(0, mode.left);
    mode.left -= octets.length;
    await this.#work(mode.sink.take(octets));
    return chunk.subarray(octets.length);
  }

  async #readText(mode: Extract<Mode, { kind: "text" }>, chunk: Buffer): Promise<Buffer> {
    const { octets, end } = mode.scanner.push(chunk);
    if (octets.length > 0) await this.#work(mode.sink.take(octets));
    if (end === undefined) return none;
    if (!this.isClosed) await this.#endBody(mode.sink);
    return chunk.subarray(end);
  }

  async #endBody(sink: BodySink): Promise<void> {
    this.#mode = { kind: "lines" };
    await this.#work(sink.end());
  }

  async #readLine(chunk: Buffer): Promise<Buffer> {
    const data = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const end = data.indexOf(crlf);
    if (end < 0) {
      this.#hold(data);
      return none;
    }
    const tooLong = this.#overlong || end + crlf.length > maxLineOctets;
    this.#held = none;
    this.#overlong = false;
    const working = this.#host.line(tooLong ? undefined : data.subarray(0, end));
    if (working !== undefined) await this.#work(working);
    const room = this.#host.room();
    if (room !== undefined) await room;
    this.#commands = working === undefined ? this.#commands + 1 : 0;
    if (this.#commands >= commandsInOneTurn) {
      this.#commands = 0;
      await nextTurn();
    }
    return data.subarray(end + crlf.length);
  }

  #hold(data: Buffer): void {
    this.#overlong ||= data.length > maxLineOctets;
    // Copied, so that a few octets do not keep a whole packet. Of a line that is too long its CR may matter.
    this.#held = this.#overlong ? Buffer.from(data.at(-1) === cr ? [cr] : []) : Buffer.from(data);
  }

  async #work(task: Promise<void>): Promise<void> {
    this.#working = true;
    try {
      await task;
    } finally {
      this.#working = false;
      this.#host.worked();
    }
  }
}
