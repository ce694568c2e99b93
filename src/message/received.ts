/** Received fields (RFC 5321 §4.4) as they really are. */
import type { Address } from "../core/address.ts";

export interface ReceivedClauses {
  readonly from: string | undefined;
  /** Lower case. */
  readonly by: string | undefined;
  readonly via: string | undefined;
  readonly with: string | undefined;
  readonly id: string | undefined;
  readonly for: readonly Address[];
  /** Where the `for` clause stands in the text given, from the white space before `for` to its last address. */
  readonly forSpan: { readonly start: number; readonly end: number } | undefined;
  /** Contents of the comments that stand after the `by` clause's host and before the next clause. */
  readonly byComments: readonly string[];
  readonly date: string | undefined;
}

export function parseReceived(value: string): ReceivedClauses {
  throw new TypeError(`not written yet: ${value}`);
}
