/**
 * Looks at a message while it streams by: keeps its header block, digests what the sender wrote, and notes what a
 * transport must know of it. Memory is bounded by `maxHeader` and one chunk; the result does not depend on how the
 * message was cut into chunks.
 *
 * The content digest covers the fields that the sender wrote (unfolded, white space collapsed, in order; Content-Length
 * is a mailbox server's, not the sender's) and the body
 * with its line ends as CRLF. Two copies that a provider stored with different trace and envelope fields agree; two
 * messages that differ in a single letter do not.
 */
import { isAscii } from "node:buffer";
import { createHash } from "node:crypto";
import type { Summary, Traits } from "./edits.ts";
import { decodeForDisplay } from "./encoded-words.ts";
import { parseHeaderBlock, type HeaderBlock } from "./header.ts";
import { LineEnds } from "./line-ends.ts";

export interface ExamineLimits {
  /** Octets of header block that are kept and read. */
  readonly maxHeader: number;
}

export interface Examined {
  /** When `headerTooLarge`: as much as was read. */
  readonly header: HeaderBlock;
  readonly headerTooLarge: boolean;
  readonly summary: Summary;
  readonly traits: Traits;
  /** SHA-256 (hex) of what the sender wrote. */
  readonly contentDigest: string;
}

export interface Examination {
  /** The whole header block has been seen (or is too large). */
  readonly headComplete: boolean;
  push(chunk: Buffer): void;
  /** To be called once, after the last chunk. */
  finish(): Examined;
}

/** Begins to look at a message. */
export function examine(limits: ExamineLimits): Examination {
  return new MessageExamination(limits.maxHeader);
}

const lf = 10;
const cr = 13;
/** RFC 5322 §2.1.1, without CRLF. */
const maxLine = 998;
const maxSummary = 300;
const authorFields =
  /^(?:from|sender|reply-to|to|cc|date|message-id|subject|in-reply-to|references|mime-version|content-(?!length$).*)$/u;

class MessageExamination implements Examination {
  readonly #maxHeader: number;
  readonly #head: Buffer[] = [];
  readonly #blankLine = new BlankLine();
  readonly #hash = createHash("sha256");
  readonly #lines = new LineEnds();
  readonly #lengths = new LineLengths();
  #headLength = 0;
  #header: HeaderBlock | undefined;
  #tooLarge = false;
  #eightBitHeader = false;
  #eightBit = false;

  constructor(maxHeader: number) {
    this.#maxHeader = maxHeader;
  }

  get headComplete(): boolean {
    return this.#header !== undefined;
  }

  push(chunk: Buffer): void {
    if (this.#header !== undefined) return this.#body(chunk);
    const room = this.#maxHeader - this.#headLength;
    const part = chunk.subarray(0, room);
    const seen = this.#blankLine.find(part);
    const taken = seen ?? part.length;
    // Chunks belong to others from here on (the spool); the header block must outlive them.
    this.#head.push(Buffer.from(part.subarray(0, taken)));
    this.#headLength += taken;
    if (seen !== undefined || chunk.length > room) {
      this.#endHead(seen === undefined);
      this.#body(chunk.subarray(taken));
    }
  }

  finish(): Examined {
    const header = this.#header ?? this.#endHead(false);
    for (const piece of this.#lines.end()) this.#digest(piece);
    return {
      header,
      headerTooLarge: this.#tooLarge,
      summary: summaryOf(header),
      traits: {
        eightBit: this.#eightBit || this.#eightBitHeader,
        eightBitHeader: this.#eightBitHeader,
        longLines: this.#lengths.long,
      },
      contentDigest: this.#hash.digest("hex"),
    };
  }

  #endHead(full: boolean): HeaderBlock {
    const bytes = Buffer.concat(this.#head);
    const header = parseHeaderBlock(bytes);
    this.#header = header;
    // A CR at the very limit looks like an empty line, and may be the first half of a line end.
    this.#tooLarge = full && (!header.complete || header.bodyStart === bytes.length);
    const block = bytes.subarray(0, header.bodyStart);
    this.#eightBitHeader = !isAscii(block);
    const lines = new LineEnds();
    for (const piece of [...lines.push(block), ...lines.end()]) this.#lengths.push(piece);
    for (const { lower, value } of header.fields) {
      if (authorFields.test(lower)) this.#hash.update(`${lower}:${value.replace(/\s+/gu, " ")}\n`);
    }
    this.#hash.update("\n");
    this.#body(bytes.subarray(header.bodyStart));
    return header;
  }

  #body(chunk: Buffer): void {
    this.#eightBit ||= !isAscii(chunk);
    for (const piece of this.#lines.push(chunk)) this.#digest(piece);
  }

  #digest(piece: Buffer): void {
    this.#hash.update(piece);
    this.#lengths.push(piece);
  }
}

/** Finds the first empty line in a stream, by the line ends that `header.ts` reads. */
class BlankLine {
  #empty = true;
  #crs = 0;

  /** How many octets of `chunk` belong to the header block, its blank line included; `undefined` if it goes on. */
  find(chunk: Buffer): number | undefined {
    for (let i = 0; i < chunk.length; i++) {
      const octet = chunk[i];
      if (octet === cr) {
        this.#crs++;
      } else if (octet === lf) {
        if (this.#empty) return i + 1;
        this.#empty = true;
        this.#crs = 0;
      } else {
        // CR without LF end lines of their own: the second one in a row ends an empty line.
        if (this.#crs > (this.#empty ? 0 : 1)) return i;
        this.#empty = false;
        this.#crs = 0;
      }
    }
    return undefined;
  }
}

/** Watches for a line that is too long, in octets that hold CRLF only as line end. */
class LineLengths {
  long = false;
  /** Octets of the unfinished line so far. */
  #open = 0;

  push(piece: Buffer): void {
    if (this.long) return;
    // From the start of a line, the next line must begin within 1,000 octets: look back from there for its LF. What is
    // open of it is shorter than that, or the line would have been too long before.
    let start = -this.#open;
    for (;;) {
      const reach = start + maxLine + 1;
      if (reach >= piece.length) break;
      const found = piece.lastIndexOf(lf, reach);
      if (found < 0 || found < start) {
        this.long = true;
        return;
      }
      start = found + 1;
    }
    const last = piece.lastIndexOf(lf);
    this.#open = last >= Math.max(start, 0) ? piece.length - last - 1 : piece.length - start;
  }
}

function summaryOf(header: HeaderBlock): Summary {
  const first = (name: string): string => {
    const value = header.fields.find(({ lower }) => lower === name)?.value ?? "";
    return decodeForDisplay(value, maxSummary);
  };
  return { messageId: first("message-id"), from: first("from"), subject: first("subject"), date: first("date") };
}
