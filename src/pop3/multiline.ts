/**
 * The end of a multi-line reply, and its dot-stuffing (RFC 1939 §3), as a state machine on octets.
 *
 * What goes in are packets cut anywhere; what comes out are slices of them, not copies. Lines end in CRLF or in bare LF
 * alike and leave as they came. A doubled dot at the start of a line loses one; a single dot before other text stays: a
 * server that sends it does not stuff, and the octet is part of the message.
 *
 * Where does a reply end? At a line that is a single dot, after CRLF. After a bare LF the same octets can be the content
 * of a message, put there by its sender so that the rest is read as our server's replies. So in a reply whose first line
 * ended in CRLF such a line is *doubtful*. It is the end when the announced size is reached exactly, or when nothing
 * follows for the time of a time-out (`endsHere`). When more follows, it was content; but when replies to further
 * commands are expected and what follows may be one of them, nobody can tell: `ambiguous`. The same wait serves servers
 * that leave out the CRLF before the final dot: there the announced size must match.
 */

export type MultilineStep =
  | { readonly kind: "more" }
  /** The reply is complete; `rest` came after it. */
  | { readonly kind: "end"; readonly rest: Buffer }
  | { readonly kind: "ambiguous" };

const cr = 0x0d;
const lf = 0x0a;
const dot = 0x2e;
const plus = 0x2b;
const minus = 0x2d;
const more: MultilineStep = { kind: "more" };

/** What stands at the dot that is looked at. */
type Look =
  /** More octets are needed. */
  | "short"
  | "stuffed"
  | "text"
  /** A dot and the end of the line. */
  | "alone";

export class MultilineDecoder {
  readonly #emit: (slice: Buffer) => void;
  readonly #announced: number | undefined;
  /** Octets not yet decided on: at most a dot and the end of its line. */
  #held: Buffer | undefined;
  /** `#held` is a whole line of a dot where an end is possible but not certain. */
  #doubtful = false;
  /** The last two octets before those in hand; a reply begins as if after CRLF. */
  #before = [cr, lf];
  #crlfStyle: boolean | undefined;
  #octets = 0;
  /** What of the packet in hand is content, so far. */
  #start = 0;
  #end = 0;

  /** `announced`: the size that the server gave, where it did. `emit` gets the content, one slice for each packet. */
  constructor(emit: (slice: Buffer) => void, announced?: number) {
    this.#emit = emit;
    this.#announced = announced;
  }

  /** Octets of content so far. */
  get octets(): number {
    return this.#octets;
  }

  /**
   * Takes what the server sent, and with it the packet's memory: what is handed on is made in the same place.
   * `following`: replies to further commands are expected behind this one.
   */
  push(packet: Buffer, following: boolean): MultilineStep {
    const data = this.#held === undefined ? packet : Buffer.concat([this.#held, packet]);
    this.#start = 0;
    this.#end = 0;
    const step = this.#scan(data, following);
    if (this.#end > this.#start) this.#emit(data.subarray(this.#start, this.#end));
    return step;
  }

  #scan(data: Buffer, following: boolean): MultilineStep {
    let at = this.#held === undefined ? this.#firstDot(data) : 0;
    let from = 0;
    if (this.#doubtful) {
      const step = this.#settleDoubt(data, following);
      if (step !== undefined) return step;
      at = this.#nextDot(data, 1);
    }
    this.#held = undefined;
    while (at >= 0) {
      const look = lookAt(data, at);
      if (look === "short") return this.#hold(data, from, at);
      if (look === "alone") {
        this.#take(data, from, at);
        from = at;
        const after = at + (data[at + 1] === lf ? 2 : 3);
        if (this.#endsForSure()) return endAt(data, after);
        const next = data[after];
        if (next === undefined) {
          this.#doubtful = true;
          this.#held = data.subarray(at);
          return more;
        }
        if (following && isReplyStart(next)) return this.#exact() ? endAt(data, after) : { kind: "ambiguous" };
      } else if (look === "stuffed" && this.#atLineStart(data, at)) {
        this.#take(data, from, at);
        from = at + 1;
        // The dot that is left out still stands before what comes next.
        this.#before = [lf, dot];
      }
      at = this.#nextDot(data, at + 1, from);
    }
    this.#take(data, from, data.length);
    return more;
  }

  /** Whether a server from which nothing more comes has ended its reply here. */
  get endsHere(): boolean {
    return this.#doubtful;
  }

  #settleDoubt(data: Buffer, following: boolean): MultilineStep | undefined {
    const after = data[1] === lf ? 2 : 3;
    const next = data[after];
    if (next === undefined) return more;
    this.#doubtful = false;
    if (!following || !isReplyStart(next)) return undefined;
    return this.#exact() ? endAt(data, after) : { kind: "ambiguous" };
  }

  /** The first dot that has to be looked at in a new packet. */
  #firstDot(data: Buffer): number {
    return data[0] === dot && (this.#before[1] === lf || this.#exact()) ? 0 : this.#nextDot(data, 0);
  }

  /** The next dot at the start of a line, or the one at the announced end, whichever comes first. */
  #nextDot(data: Buffer, position: number, from = 0): number {
    const newline = data.indexOf("\n.", Math.max(0, position - 1), "latin1");
    const atLine = newline < 0 ? -1 : newline + 1;
    if (this.#announced === undefined) return atLine;
    const atSize = from + this.#announced - this.#octets;
    if (atSize >= position && atSize < data.length && data[atSize] === dot && (atLine < 0 || atSize < atLine)) {
      const look = lookAt(data, atSize);
      if (look === "alone" || look === "short") return atSize;
    }
    return atLine;
  }

  #atLineStart(data: Buffer, at: number): boolean {
    return (at > 0 ? data[at - 1] : this.#before[1]) === lf;
  }

  /** Called when everything before a single dot has been taken: is it the end beyond doubt? */
  #endsForSure(): boolean {
    const [secondLast, last] = this.#before;
    if (last !== lf) return false;
    if (secondLast === cr || this.#crlfStyle === false) return true;
    return this.#exact();
  }

  #exact(): boolean {
    return this.#announced !== undefined && this.#announced === this.#octets;
  }

  #hold(data: Buffer, from: number, at: number): MultilineStep {
    this.#take(data, from, at);
    this.#held = data.subarray(at);
    return more;
  }

  #take(data: Buffer, from: number, to: number): void {
    if (to <= from) return;
    if (this.#crlfStyle === undefined) {
      const newline = data.indexOf(lf, from);
      if (newline >= 0 && newline < to) this.#crlfStyle = (newline > from ? data[newline - 1] : this.#before[1]) === cr;
    }
    this.#before = [to - from > 1 ? (data[to - 2] ?? 0) : (this.#before[1] ?? 0), data[to - 1] ?? 0];
    this.#octets += to - from;
    if (this.#end === this.#start) {
      this.#start = from;
      this.#end = to;
      return;
    }
    // Behind a dot that was left out the rest moves up: a text full of dots would be thousands of slices otherwise.
    if (this.#end < from) data.copyWithin(this.#end, from, to);
    this.#end += to - from;
  }
}

function lookAt(data: Buffer, at: number): Look {
  const next = data[at + 1];
  if (next === undefined) return "short";
  if (next === lf) return "alone";
  if (next === dot) return "stuffed";
  if (next !== cr) return "text";
  const third = data[at + 2];
  return third === undefined ? "short" : third === lf ? "alone" : "text";
}

function isReplyStart(octet: number): boolean {
  return octet === plus || octet === minus;
}

function endAt(data: Buffer, after: number): MultilineStep {
  return { kind: "end", rest: data.subarray(after) };
}
