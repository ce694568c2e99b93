/** What is changed of a message before it is handed over, and what must be known of it: facts, no behaviour. */
import type { ByteRange } from "./decision.ts";

/** The message as it is handed over: `prepend`, then the stored octets without `cuts`. */
export interface Edits {
  /**
   * Complete header lines with CRLF, in ASCII: our Received field, and for outbound mail a missing Date or Message-ID, and
   * the blank line where a message has no header at all.
   */
  readonly prepend: string;
  /** In order, never overlapping. */
  readonly cuts: readonly ByteRange[];
}

/** For lists and search; cut to a few hundred characters each, decoded. Never used for delivery. */
export interface Summary {
  readonly messageId: string;
  readonly from: string;
  readonly subject: string;
  readonly date: string;
}

/** What the transport must know of the content without reading it again. */
export interface Traits {
  /** Octets above 127 in the body or header. */
  readonly eightBit: boolean;
  /** Octets above 127 in the header block: RFC 6532, strictly needs SMTPUTF8. */
  readonly eightBitHeader: boolean;
  /** A line of more than 998 octets without its CRLF (RFC 5322 §2.1.1). */
  readonly longLines: boolean;
}
