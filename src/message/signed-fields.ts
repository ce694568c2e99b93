/**
 * Which header fields the DKIM signatures of a message cover (RFC 6376 §3.5, tags `d=` and `h=`), for those who must know
 * what removing or adding a field costs. No signature is verified here.
 *
 * A name can be listed more often than the field stands in the message (§8.15): the signature then says that there is no
 * further one, and adding one breaks it.
 */
import type { HeaderBlock } from "./header.ts";

export interface Signer {
  readonly domain: string;
  /** How many fields of the name are signed: the lowest ones (RFC 6376 §5.4.2). Of Received never more than there were. */
  readonly times: number;
}

/** Signed field names in lower case; of several signatures the one that covers most. */
export function signedFields(header: HeaderBlock): ReadonlyMap<string, Signer> {
  const signers = new Map<string, Signer>();
  let receivedBelow = header.fields.filter(({ lower }) => lower === "received").length;
  for (const field of header.fields) {
    if (field.lower === "received") receivedBelow--;
    if (field.lower !== "dkim-signature") continue;
    const tags = new Map<string, string>();
    for (const part of field.value.split(";")) {
      const equals = part.indexOf("=");
      if (equals > 0) tags.set(part.slice(0, equals).trim().toLowerCase(), part.slice(equals + 1).trim());
    }
    const domain = tags.get("d") ?? "an unnamed domain";
    const times = new Map<string, number>();
    for (const part of (tags.get("h") ?? "").split(":")) {
      const name = part.trim().toLowerCase();
      if (name === "") continue;
      const count = (times.get(name) ?? 0) + 1;
      times.set(name, count);
      if (name === "received" && count > receivedBelow) continue;
      if (count > (signers.get(name)?.times ?? 0)) signers.set(name, { domain, times: count });
    }
  }
  return signers;
}
