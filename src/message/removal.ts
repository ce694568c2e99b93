/**
 * What is left out of the message that is delivered, and what that costs.
 *
 * - Every known or configured envelope field, Bcc, Resent-Bcc and Return-Path, wherever it stands, and the "From " line
 *   of an mbox file. Whole fields, so that the rest stays octet for octet.
 * - Out of a Received field only its `for` clause, where it names somebody whom no visible address field (To, Cc, From,
 *   Sender, Reply-To, Resent-To, Resent-Cc) names: a blind recipient, or the subscriber of a list. The trace itself
 *   stays: Exchange counts hops by it and filters by the addresses in it. The cut is listed as `Received (for)`.
 *
 * DKIM (RFC 6376 §5.4.1) advises against signing any of these. A signed envelope field, Bcc or Return-Path is removed
 * all the same, since the blindness of a copy goes before the signature. A signed Received field was written on the
 * sender's side, before the signature: it stays whole. What stands above a signature came after it (§3.5), however
 * often the signature lists the name, and is not spared. The evidence tells of both.
 */
import { addressKey, type AddressKey } from "../core/address.ts";
import { parseAddressList } from "./address-list.ts";
import { maxEvidence, type Evidence, type RemovedField } from "./decision.ts";
import { isNeverHandedOn } from "./envelope-fields.ts";
import type { HeaderBlock, HeaderField } from "./header.ts";
import { parseReceived } from "./received.ts";
import { signedFields } from "./signed-fields.ts";

export interface Removal {
  /** In order of position, never overlapping. */
  readonly removed: readonly RemovedField[];
  /** What a DKIM signature covers of it, or kept from being removed. */
  readonly signed: Evidence["ignored"];
}

const visibleFields: ReadonlySet<string> = new Set([
  "to",
  "cc",
  "from",
  "sender",
  "reply-to",
  "resent-to",
  "resent-cc",
]);

/** Finds what is to be cut out of the header block. `configured`: further names, lower case. */
export function findRemoval(header: HeaderBlock, configured: ReadonlySet<string>): Removal {
  const visible = visibleAddresses(header);
  const signers = signedFields(header);
  const signedReceived = new Set(
    header.fields
      .filter(({ lower }) => lower === "received")
      .slice(-(signers.get("received")?.times ?? 0) || header.fields.length),
  );
  const removed: RemovedField[] = header.mboxFrom === undefined ? [] : [{ name: "From ", ...header.mboxFrom }];
  const signed: { what: string; why: string }[] = [];
  for (const field of header.fields) {
    const cut = cutOf(field, visible, configured);
    if (cut === undefined) continue;
    const signer = signers.get(field.lower)?.domain ?? "";
    const what = `${cut.name} at octet ${cut.start}`;
    if (signedReceived.has(field)) {
      signed.push({ what, why: `left in, because the DKIM signature of ${signer} covers it` });
      continue;
    }
    removed.push(cut);
    if (signer !== "" && field.lower !== "received") {
      signed.push({ what, why: `removed although the DKIM signature of ${signer} covers it` });
    }
  }
  return { removed, signed: signed.slice(0, maxEvidence) };
}

function cutOf(
  field: HeaderField,
  visible: ReadonlySet<AddressKey>,
  configured: ReadonlySet<string>,
): RemovedField | undefined {
  if (field.junk) return undefined;
  if (isNeverHandedOn(field.lower) || configured.has(field.lower)) {
    return { name: field.name, start: field.start, end: field.end };
  }
  return field.lower === "received" ? forClause(field, visible) : undefined;
}

/** The `for` clause of a Received field in octets of the message, if it names anybody who is not visible. */
function forClause(field: HeaderField, visible: ReadonlySet<AddressKey>): RemovedField | undefined {
  const raw = field.valueBytes;
  // One character per octet, so that the span counts octets; visibility is judged by the decoded text.
  const text = raw.toString("latin1");
  const { forSpan, for: asItStands } = parseReceived(text);
  if (forSpan === undefined) return undefined;
  const named = saysTheSame(text) ? asItStands : parseReceived(field.value).for;
  if (named.length > 0 && named.every((address) => visible.has(addressKey(address)))) return undefined;
  const base = field.end - raw.length;
  return { name: `${field.name} (for)`, start: base + forSpan.start, end: base + forSpan.end };
}

/** Decoded and unfolded a field names the same addresses: it is ASCII, and folded nowhere within quotes. */
function saysTheSame(text: string): boolean {
  return /^[^"\\\u0080-\u00ff]*$/u.test(text);
}

function visibleAddresses(header: HeaderBlock): ReadonlySet<AddressKey> {
  const keys = new Set<AddressKey>();
  for (const field of header.fields) {
    if (!visibleFields.has(field.lower)) continue;
    for (const address of parseAddressList(field.value).addresses) keys.add(addressKey(address));
  }
  return keys;
}
