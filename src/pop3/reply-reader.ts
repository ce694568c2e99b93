/**
 * Replies read off the wire and matched to commands in order (RFC 1939 §3, RFC 2449 §6.6).
 *
 * States: between replies → status line → (+OK to a command with a multi-line reply) content → between replies. What
 * comes while no command is outstanding, and what is no reply, ends the session.
 *
 * A message that ends with fewer octets than announced might have been cut short by a line that is a lone dot and was not
 * stuffed. It is handed out as whole only when the reply to a further command (a NOOP, if none is outstanding) shows that
 * the server is done with it.
 */
import type { ReplySink } from "./body.ts";
import { MultilineDecoder } from "./multiline.ts";
import { Pop3Error } from "./port.ts";
import { parseReply, type Pop3Reply, replyWords } from "./reply.ts";

/** A command on its way, and what becomes of its reply. */
export interface Pending {
  readonly line: string;
  readonly patienceMs: number;
  /** `+` is an answer (RFC 5034 §4). */
  readonly sasl?: boolean;
  /** Takes the content when the reply is +OK, which is then a multi-line one. */
  readonly sink?: ReplySink;
  /** More content than this ends the session; without it there is no limit. */
  readonly maxOctets?: number;
  readonly announced?: (reply: Pop3Reply) => number | undefined;
  readonly settle: PromiseWithResolvers<Pop3Reply>;
}

export interface ReaderHooks {
  /** Ends the session; nothing more is handed to the reader. */
  fail(error: Pop3Error): void;
  /** Asks for a NOOP to be sent next. */
  confirm(): void;
  /** The server has sent so much that was waited for. */
  progress(octets: number): void;
}

interface Content {
  readonly decoder: MultilineDecoder;
  readonly announced: number | undefined;
  readonly sink: ReplySink;
}

/** A whole reply counts as this much progress, however short it is. */
export const replyProgress = 1024;
const nothing = Buffer.alloc(0);
const plus = 0x2b;
const minus = 0x2d;

export class ReplyReader {
  readonly #outstanding: Pending[];
  readonly #hooks: ReaderHooks;
  readonly #maxLineOctets: number;
  #partialLine: Buffer = nothing;
  #content: Content | undefined;
  /** The message whose end is not certain yet. */
  #unsettled: ReplySink | undefined;
  #failed = false;

  /** `outstanding` is the sender's own list; answered commands are taken from its front. */
  constructor(outstanding: Pending[], maxLineOctets: number, hooks: ReaderHooks) {
    this.#outstanding = outstanding;
    this.#maxLineOctets = maxLineOctets;
    this.#hooks = hooks;
  }

  /** A reply has begun and not ended. */
  get inContent(): boolean {
    return this.#content !== undefined;
  }

  take(chunk: Buffer): void {
    for (let rest = chunk; rest.length > 0 && !this.#failed;)
      rest = this.#content === undefined ? this.#takeStatus(rest) : this.#takeContent(this.#content, rest);
  }

  /** Nothing more comes. True when that can be taken for the end of a reply, which is then over. */
  standstill(): boolean {
    if (this.#content?.decoder.endsHere !== true) return false;
    this.#complete(this.#content, nothing);
    return true;
  }

  /** The session is over: whatever is not whole by now fails. */
  fail(error: Pop3Error): void {
    this.#failed = true;
    this.#unsettled?.fail(error);
    this.#content?.sink.fail(error);
  }

  #takeStatus(data: Buffer): Buffer {
    const [head] = this.#outstanding;
    if (head === undefined) return this.#unasked(data);
    const newline = data.indexOf("\n");
    const line = this.#partialLine.length === 0 ? data : Buffer.concat([this.#partialLine, data]);
    const length = newline < 0 ? line.length : line.length - data.length + newline;
    if (length > this.#maxLineOctets) return this.#broken("a reply line is too long", line);
    if (newline < 0) {
      this.#partialLine = line === data ? Buffer.from(line) : line;
      return nothing;
    }
    this.#partialLine = nothing;
    const reply = parseReply(line.subarray(0, length));
    if (reply === undefined || (reply.status === "continue" && head.sasl !== true))
      return this.#broken("the server sent what is no reply", line.subarray(0, length));
    this.#hooks.progress(replyProgress);
    this.#unsettled?.end();
    this.#unsettled = undefined;
    if (reply.status === "ok" && head.sink !== undefined) this.#begin(head, head.sink, reply);
    else this.#outstanding.shift();
    head.settle.resolve(reply);
    return data.subarray(newline + 1);
  }

  #begin(head: Pending, sink: ReplySink, reply: Pop3Reply): void {
    const max = head.maxOctets ?? Number.POSITIVE_INFINITY;
    const announced = head.announced?.(reply);
    const decoder = new MultilineDecoder((slice) => {
      if (decoder.octets <= max) sink.write(slice);
      else this.#hooks.fail(new Pop3Error("protocol", `the reply to ${head.line} is longer than ${max} octets`));
    }, announced);
    this.#content = { decoder, announced, sink };
  }

  #takeContent(content: Content, data: Buffer): Buffer {
    this.#hooks.progress(data.length);
    const step = content.decoder.push(data, this.#outstanding.length > 1);
    if (step.kind === "more" || this.#failed) return nothing;
    if (step.kind === "ambiguous") return this.#broken("it cannot be told where the message ends", nothing);
    this.#complete(content, step.rest);
    return step.rest;
  }

  /** The terminating line has come, and `rest` behind it. */
  #complete({ decoder, announced, sink }: Content, rest: Buffer): void {
    const next = rest[0];
    const following = this.#outstanding.length > 1;
    if (next !== undefined && !(following && (next === plus || next === minus))) {
      this.#broken("more came after what should have been the end of a reply", rest);
      return;
    }
    this.#content = undefined;
    this.#outstanding.shift();
    this.#hooks.progress(replyProgress);
    if (announced !== undefined && decoder.octets < announced) {
      // A plus or minus behind it looks like a reply, and may as well be the next line of the message.
      this.#unsettled = sink;
      if (!following) this.#hooks.confirm();
    } else {
      sink.end();
    }
  }

  #unasked(data: Buffer): Buffer {
    const newline = data.indexOf("\n");
    const reply = parseReply(data.subarray(0, newline < 0 ? data.length : newline));
    // Servers say good-bye before they close an idle connection.
    if (reply?.status !== "error") return this.#broken("the server sent something that was not asked for", data);
    this.#hooks.fail(new Pop3Error("connection", `the server ended the session: ${replyWords(reply)}`));
    return nothing;
  }

  #broken(what: string, data: Buffer): Buffer {
    // A few octets to know it by; none from inside a message.
    const shown = this.#content === undefined && data.length > 0;
    const words = shown ? `${what}: ${JSON.stringify(data.toString("latin1", 0, 80))}` : what;
    this.#hooks.fail(new Pop3Error("protocol", words));
    return nothing;
  }
}
