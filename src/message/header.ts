/**
 * The header block of a message as raw fields with their octet positions (RFC 5322 §2.2, §3.6.8). Nothing is rewritten:
 * whoever removes a field cuts octets out of the stored message.
 *
 * Tolerance, because POP3 servers hand out whatever was once stored:
 * - A line ends with LF, with any number of CR before it, or with a CR that no LF follows. That is exactly what
 *   `render.ts` makes CRLF of, so that no field can come into being only on the way out.
 * - A first line "From …" without a colon is the separator of an mbox file, not a field.
 * - A line that is neither field nor continuation is kept as `junk` when a field still follows before the blank line:
 *   envelope fields below a broken line are not lost. Junk that nothing but the blank line follows is where the body
 *   begins, as sendmail has it.
 * - `irregular` says that parsers will disagree about where this block ends. Then nobody can tell which fields stand
 *   last in the provider's eyes, and `zone.ts` trusts none at the bottom.
 *
 * One pass over the octets; a field's value is decoded when it is asked for.
 */
import { isUtf8 } from "node:buffer";
import type { ByteRange } from "./decision.ts";

/** One header field, or a line that is none (`junk`), with its place in the message. */
export interface HeaderField extends ByteRange {
  /** As written, without the colon; empty for `junk`. */
  readonly name: string;
  /** The name in lower case: what fields are compared by. */
  readonly lower: string;
  /** A line in the header block that is neither a field nor a continuation. */
  readonly junk: boolean;
  /** The octets after the colon as they stand, folding and line end included. */
  readonly valueBytes: Buffer;
  /** Unfolded and trimmed; read as UTF-8 where that is valid, else as ISO 8859-1. */
  readonly value: string;
}

export interface HeaderBlock {
  readonly fields: readonly HeaderField[];
  /** The octet after the blank line; the length of the input if there is no body. */
  readonly bodyStart: number;
  /** The end of the header block was seen: a blank line, or text that is no header. */
  readonly complete: boolean;
  /** A "From " line as mbox files have it, standing before the first field. */
  readonly mboxFrom: ByteRange | undefined;
  /** How many lines of the header block end with CRLF, bare LF, bare CR, or several CR and an LF. */
  readonly lineEnds: { readonly crlf: number; readonly lf: number; readonly cr: number; readonly crcrlf: number };
  /** Parsers disagree on where this block ends: junk, lines of white space only, bare CR or mixed line ends in it. */
  readonly irregular: boolean;
}

const lf = 10;
const cr = 13;
const space = 32;
const tab = 9;
const colon = 58;

class RawField implements HeaderField {
  readonly name: string;
  readonly lower: string;
  readonly start: number;
  end: number;
  readonly #bytes: Buffer;
  readonly #valueStart: number;
  #value: string | undefined;

  constructor(bytes: Buffer, start: number, nameEnd: number, valueStart: number, end: number) {
    this.#bytes = bytes;
    this.#valueStart = valueStart;
    this.start = start;
    this.end = end;
    this.name = bytes.toString("latin1", start, nameEnd);
    this.lower = this.name.toLowerCase();
  }

  get junk(): boolean {
    return this.name === "";
  }

  get valueBytes(): Buffer {
    return this.#bytes.subarray(this.#valueStart, this.end);
  }

  get value(): string {
    this.#value ??= decodeText(this.valueBytes)
      .replace(/\r*\n|\r/gu, "")
      .trim();
    return this.#value;
  }
}

/** UTF-8 where it is valid (RFC 6532), else ISO 8859-1, which never fails. */
function decodeText(bytes: Buffer): string {
  return isUtf8(bytes) ? bytes.toString("utf8") : bytes.toString("latin1");
}

/** Reads the header block at the start of `bytes`; never fails. */
export function parseHeaderBlock(bytes: Buffer): HeaderBlock {
  return new HeaderReader(bytes).read();
}

/** Where a line's content ends, where the next line begins, and what stands between. */
interface Line {
  readonly contentEnd: number;
  readonly next: number;
  readonly end: "crlf" | "lf" | "cr" | "crcrlf" | "none";
}

function lineAt(bytes: Buffer, start: number): Line {
  let i = start;
  for (; i < bytes.length; i++) {
    const octet = bytes[i];
    if (octet === lf) return { contentEnd: i, next: i + 1, end: "lf" };
    if (octet === cr) break;
  }
  if (i === bytes.length) return { contentEnd: i, next: i, end: "none" };
  let run = i;
  while (bytes[run] === cr) run++;
  if (bytes[run] !== lf) return { contentEnd: i, next: i + 1, end: "cr" };
  return { contentEnd: i, next: run + 1, end: run === i + 1 ? "crlf" : "crcrlf" };
}

/** The octet after a field's name and that of its colon; `undefined` if the line is no field (RFC 5322 §3.6.8, §4.5). */
function fieldName(bytes: Buffer, start: number, end: number): { nameEnd: number; colonAt: number } | undefined {
  let i = start;
  while (i < end && isNameOctet(bytes[i] ?? 0)) i++;
  const nameEnd = i;
  while (i < end && isWhite(bytes[i])) i++;
  return nameEnd > start && i < end && bytes[i] === colon ? { nameEnd, colonAt: i } : undefined;
}

function isNameOctet(octet: number): boolean {
  return octet > space && octet < 127 && octet !== colon;
}

function isWhite(octet: number | undefined): boolean {
  return octet === space || octet === tab;
}

class HeaderReader {
  readonly #bytes: Buffer;
  readonly #fields: RawField[] = [];
  readonly #lineEnds = { crlf: 0, lf: 0, cr: 0, crcrlf: 0 };
  #mboxFrom: ByteRange | undefined;
  #blankish = false;
  /** Index in `#fields` of the first junk line that no field has followed yet. */
  #trailingJunk: number | undefined;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  read(): HeaderBlock {
    const bytes = this.#bytes;
    let at = 0;
    while (at < bytes.length) {
      const line = lineAt(bytes, at);
      if (line.end !== "none") this.#lineEnds[line.end]++;
      if (line.contentEnd === at) return this.#end(line.next, true);
      this.#take(at, line);
      at = line.next;
    }
    return this.#end(at, false);
  }

  /** Takes one line that is not empty. */
  #take(at: number, line: Line): void {
    const bytes = this.#bytes;
    const last = this.#fields.at(-1);
    if (isWhite(bytes[at]) && last !== undefined) {
      last.end = line.next;
      this.#blankish ||= isAllWhite(bytes, at, line.contentEnd);
      return;
    }
    const found = fieldName(bytes, at, line.contentEnd);
    if (found !== undefined) {
      this.#fields.push(new RawField(bytes, at, found.nameEnd, found.colonAt + 1, line.next));
      this.#trailingJunk = undefined;
      return;
    }
    if (at === 0 && /^>?From /u.test(bytes.toString("latin1", 0, Math.min(line.contentEnd, 6)))) {
      this.#mboxFrom = { start: 0, end: line.next };
      return;
    }
    this.#trailingJunk ??= this.#fields.length;
    this.#fields.push(new RawField(bytes, at, at, at, line.next));
    return;
  }

  #end(at: number, ended: boolean): HeaderBlock {
    let bodyStart = at;
    let complete = ended;
    const fields = this.#fields;
    if (this.#trailingJunk !== undefined) {
      bodyStart = fields[this.#trailingJunk]?.start ?? at;
      fields.length = this.#trailingJunk;
      complete = true;
    }
    const { crlf, lf: bareLf, cr: bareCr, crcrlf } = this.#lineEnds;
    const kinds = [crlf, bareLf, bareCr, crcrlf].filter((count) => count > 0).length;
    return {
      fields,
      bodyStart,
      complete,
      mboxFrom: this.#mboxFrom,
      lineEnds: this.#lineEnds,
      irregular:
        kinds > 1 ||
        bareCr > 0 ||
        this.#blankish ||
        this.#trailingJunk !== undefined ||
        fields.some((field) => field.junk),
    };
  }
}

function isAllWhite(bytes: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (!isWhite(bytes[i])) return false;
  return true;
}
