/**
 * The octets of one message between 354 and the final dot (RFC 5321 §4.1.1.4, §4.5.2).
 *
 * The message ends at CRLF . CRLF and nowhere else, however it is cut into packets. Bare CR, bare LF and NUL are octets
 * of the message like any other and never begin a line, so that what another server may take for the end of a message
 * stays inside this one, and nothing behind it is ever read as a command. A dot at the start of a line is taken away
 * when anything but CRLF stands behind it, and only there.
 *
 * Works through a chunk once; a chunk without such dots is passed on as it is.
 */

const dot = 0x2e;
const cr = 0x0d;
const lf = 0x0a;
const loneCr = Buffer.from("\r");

/**
 *   text ──CR──▶ cr ──LF──▶ start ──.──▶ dot ──CR──▶ dotCr ──LF──▶ the end
 *
 * `start`: at the start of a line. `dot`, `dotCr`: what may be the end, and has not been passed on. Any other octet
 * leads back to `text`.
 */
type State = "text" | "cr" | "start" | "dot" | "dotCr";

interface DataStep {
  readonly octets: Buffer;
  /** Where in the chunk the client's next command begins, when the message has ended. */
  readonly end: number | undefined;
}

export class DataScanner {
  #state: State = "start";

  /** Takes the next chunk from the wire; not to be used again once it has said where the message ends. */
  push(chunk: Buffer): DataStep {
    const out = new Output(chunk);
    let state = this.#state;
    for (let i = 0; i < chunk.length; i++) {
      const octet = chunk[i];
      if (state === "text") {
        i = nextCr(chunk, i);
        if (i < chunk.length) state = "cr";
      } else if (state === "cr") {
        if (octet === lf) state = "start";
        else if (octet !== cr) state = "text";
      } else if (state === "start") {
        if (octet === dot) out.skip(i);
        state = octet === dot ? "dot" : octet === cr ? "cr" : "text";
      } else if (state === "dot") {
        if (octet === cr) out.skip(i);
        state = octet === cr ? "dotCr" : "text";
      } else {
        if (octet === lf) return { octets: out.take(i), end: i + 1 };
        // The dot goes, its CR stays.
        out.insertCr(i);
        state = octet === cr ? "cr" : "text";
      }
    }
    this.#state = state;
    return { octets: out.take(chunk.length), end: undefined };
  }
}

/** Where the next CR is; the chunk's length if there is none. Most lines are long, and some messages are nothing but ends. */
function nextCr(chunk: Buffer, from: number): number {
  const near = Math.min(from + 8, chunk.length);
  for (let i = from; i < near; i++) if (chunk[i] === cr) return i;
  const found = chunk.indexOf(cr, near);
  return found < 0 ? chunk.length : found;
}

/** What is passed on of a chunk: the chunk itself as long as nothing is left out in its middle. */
class Output {
  readonly #chunk: Buffer;
  /** What was copied so far, once something had to be. */
  #copy: Buffer | undefined;
  #copied = 0;
  /** Where the octets begin that have neither been copied nor left out. */
  #from = 0;

  constructor(chunk: Buffer) {
    this.#chunk = chunk;
  }

  /** Leaves out the octet at `i`. */
  skip(i: number): void {
    this.#flush(i);
    this.#from = i + 1;
  }

  /** A CR that was left out comes back in before `i`. */
  insertCr(i: number): void {
    if (i > 0) this.#from = i - 1;
    else this.#append(loneCr, 0, 1);
  }

  take(end: number): Buffer {
    if (this.#copy === undefined) return this.#chunk.subarray(this.#from, Math.max(this.#from, end));
    this.#flush(end);
    return this.#copy.subarray(0, this.#copied);
  }

  #flush(end: number): void {
    if (end > this.#from) this.#append(this.#chunk, this.#from, end);
  }

  #append(from: Buffer, start: number, end: number): void {
    // One more than the chunk: a CR may be left from the chunk before.
    this.#copy ??= Buffer.allocUnsafe(this.#chunk.length + 1);
    if (end - start > 16) from.copy(this.#copy, this.#copied, start, end);
    else for (let i = start; i < end; i++) this.#copy[this.#copied + i - start] = from[i] ?? 0;
    this.#copied += end - start;
  }
}
