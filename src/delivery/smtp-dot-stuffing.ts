/**
 * Dots at the start of lines are doubled on their way to a server (RFC 5321 §4.5.2).
 *
 * nodemailer does so itself, looking at each octet: a seventh of the processor time of a large message. Here the lines are
 * found by the platform's own search. The octets must have CRLF at the end of each line and nowhere a CR or LF besides, as
 * `message/render.ts` guarantees: what nodemailer does about those is left out.
 */
import type { Readable, Writable } from "node:stream";

const lf = 10;
const dot = 46;
const aDot = Buffer.from(".");

export class DotStuffing {
  #atLineStart = true;

  /** Takes the next octets; gives what goes to the server. The result may share memory with `chunk`. */
  push(chunk: Buffer): readonly Buffer[] {
    if (chunk.length === 0) return [];
    const out: Buffer[] = [];
    let from = 0;
    let at = this.#atLineStart && chunk[0] === dot ? 0 : nextDot(chunk, 0);
    for (; at >= 0; at = nextDot(chunk, at)) {
      out.push(chunk.subarray(from, at), aDot);
      from = at;
    }
    this.#atLineStart = chunk[chunk.length - 1] === lf;
    out.push(from === 0 ? chunk : chunk.subarray(from));
    return out;
  }
}

/** The first dot behind `position` that stands at the start of a line; -1 if there is none. */
function nextDot(chunk: Buffer, position: number): number {
  const newline = chunk.indexOf("\n.", position, "latin1");
  return newline < 0 ? -1 : newline + 1;
}

/** The stream through which nodemailer sends a body: with its own books, which it reads when the body has ended. */
interface SendStream extends Writable {
  inByteCount: number;
  outByteCount: number;
  lastByte: number | false;
  push(chunk: Buffer): boolean;
  _transform(chunk: Buffer, encoding: string, done: () => void): void;
}

/** Has the stream to which `body` is piped double its dots in this way. Any other stream is left as it is. */
export function stuffQuickly(body: Readable): void {
  const pipe = body.pipe.bind(body);
  body.pipe = (destination, options) => {
    if (isSendStream(destination)) replaceTransform(destination);
    return pipe(destination, options);
  };
}

function replaceTransform(stream: SendStream): void {
  const stuffing = new DotStuffing();
  stream._transform = (chunk, _encoding, done) => {
    const pieces = stuffing.push(chunk);
    const [first] = pieces;
    stream.inByteCount += chunk.length;
    if (first !== undefined) {
      const out = pieces.length === 1 ? first : Buffer.concat(pieces);
      stream.outByteCount += out.length;
      // By it the stream's end knows whether the last line has ended.
      stream.lastByte = chunk.at(-1) ?? false;
      stream.push(out);
    }
    done();
  };
}

function isSendStream(stream: NodeJS.WritableStream): stream is SendStream {
  return "_transform" in stream && "inByteCount" in stream && "outByteCount" in stream && "lastByte" in stream;
}
