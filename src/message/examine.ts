/** Looks at a message while it streams by. */
import type { Summary, Traits } from "./edits.ts";
import type { HeaderBlock } from "./header.ts";

export interface ExamineLimits {
  /** Octets of header block that are kept and read. */
  readonly maxHeader: number;
}

export interface Examined {
  /** Empty block when `headerTooLarge`: as much as was read. */
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
  finish(): Examined;
}

export function examine(limits: ExamineLimits): Examination {
  throw new TypeError(`not written yet: ${limits.maxHeader}`);
}
