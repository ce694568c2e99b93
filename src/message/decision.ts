/** What the recipients of a message are, and how that was found out. Stored with the message; shown by `explain`. */
import type { Address, ReversePath } from "../core/address.ts";
import type { HoldReason } from "../core/hold.ts";
import type { SourceName } from "./policy.ts";

/** A half-open range of octets in the message as the provider handed it over. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** A header field that is left out of what is delivered. */
export interface RemovedField extends ByteRange {
  readonly name: string;
}

/** Where the recipients were read. Offsets count octets from the start of the message. */
export interface SourceEvidence {
  readonly source: SourceName;
  /** The field's name as written; empty for `fallback` and `configured`. */
  readonly field: string;
  readonly offset: number;
  /** The field's value, unfolded, cut to 1,000 characters. */
  readonly value: string;
}

/** Entries of each list in the evidence: a hostile header must not become a record many times its size. */
export const maxEvidence = 100;

export interface Evidence {
  readonly profile: string;
  /** What decided. `undefined` when nothing did. */
  readonly used: SourceEvidence | undefined;
  /** Envelope fields seen and not believed, or addresses not taken, each with the reason in words. */
  readonly ignored: readonly { readonly what: string; readonly why: string }[];
  /** Steps between what was read and the recipients: prefix stripped, alias applied, duplicate dropped. */
  readonly mapped: readonly {
    readonly from: string;
    readonly to: readonly string[];
    readonly by: "prefix" | "alias" | "duplicate";
  }[];
  /** How many octets at the start of the header block the provider wrote (top), or where its last part begins (bottom). */
  readonly zone: ByteRange | undefined;
}

interface DecisionBase {
  readonly reversePath: ReversePath;
  /** In order of position, never overlapping, all within the header block. */
  readonly removed: readonly RemovedField[];
  readonly evidence: Evidence;
}

export type Decision =
  | (DecisionBase & { readonly kind: "deliver"; readonly recipients: readonly [Address, ...Address[]] })
  | (DecisionBase & { readonly kind: "hold"; readonly reason: HoldReason; readonly detail: string });
