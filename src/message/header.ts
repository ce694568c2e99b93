/** The header block of a message as raw fields with their octet positions. */
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
  /** How the lines of the header block end. */
  readonly lineEnds: { readonly crlf: number; readonly lf: number; readonly cr: number };
  /** Parsers disagree on where this header block ends: junk, lines of white space only, or bare CR in it. */
  readonly irregular: boolean;
}

export function parseHeaderBlock(bytes: Buffer): HeaderBlock {
  throw new TypeError(`not written yet: ${bytes.length}`);
}
