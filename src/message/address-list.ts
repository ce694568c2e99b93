/** Address lists of header fields (RFC 5322 §3.4), read strictly where it matters and tolerantly where providers differ. */
import type { Address } from "../core/address.ts";

export interface AddressListResult {
  /** In order, duplicates kept. */
  readonly addresses: readonly Address[];
  /** Pieces that are no address, as written, cut to 200 characters each. */
  readonly unreadable: readonly string[];
}

export function parseAddressList(value: string): AddressListResult {
  throw new TypeError(`not written yet: ${value}`);
}
