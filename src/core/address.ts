/**
 * Mail addresses as SMTP carries them.
 *
 * An `Address` is parsed once, at the border, and is safe to put into `MAIL FROM:<…>` and `RCPT TO:<…>` ever after:
 * its type says that it holds no CR, LF, NUL, other control character or angle bracket outside a quoted string, and
 * that its local part and domain are within the limits of RFC 5321 §4.5.3.1 (relaxed as noted at the constants).
 *
 * The domain is kept in lower case and as A-labels (RFC 5891), the local part as written (RFC 5321 §2.4), in the
 * shortest quoting that is valid. Lists, comments, display names and groups are the business of `message/`.
 */
import { domainToASCII } from "node:url";

declare const brand: unique symbol;

/** `local-part@domain`, ready for the SMTP envelope. The domain is lower-case ASCII; the local part may hold UTF-8. */
export type Address = string & { readonly [brand]: "Address" };

/** What two spellings of one mailbox have in common: local part in lower case and unquoted. For maps, never for the wire. */
export type AddressKey = string & { readonly [brand]: "AddressKey" };

/** The sender of the envelope (RFC 5321 §2.3.1). The null reverse path is a variant of its own, not an empty string. */
export type ReversePath = { readonly kind: "null" } | { readonly kind: "address"; readonly address: Address };

export type AddressResult =
  | { readonly kind: "ok"; readonly address: Address }
  | { readonly kind: "bad"; readonly why: string };

/** RFC 5321 §4.5.3.1.1 says 64; Exchange really sends IMCEA-encapsulated local parts of up to 571 octets. */
const maxLocalOctets = 571;
/** RFC 5321 §4.5.3.1.2. */
const maxDomainOctets = 255;

export const nullReversePath: ReversePath = { kind: "null" };

/**
 * Parses one bare address, without angle brackets, comments or display name.
 * Accepts quoted local parts, address literals (`user@[192.0.2.1]`), IDN domains and a trailing dot of the domain.
 */
export function parseAddress(text: string): AddressResult {
  const at = text.lastIndexOf("@");
  if (at < 0) return bad("it has no @");
  const domain = parseDomain(text.slice(at + 1));
  if (domain === undefined) return bad("its domain is not a host name");
  const local = parseLocal(text.slice(0, at));
  if (local === undefined) return bad("its local part is not valid");
  if (Buffer.byteLength(local) > maxLocalOctets) return bad(`its local part is longer than ${maxLocalOctets} octets`);
  return { kind: "ok", address: `${local}@${domain}` as Address };
}

/** As `parseAddress`, for text that is known to be an address (constants, stored records). Throws otherwise. */
export function mustAddress(text: string): Address {
  const result = parseAddress(text);
  if (result.kind === "bad") throw new TypeError(`not a mail address: ${JSON.stringify(text)}: ${result.why}`);
  return result.address;
}

/** The key under which spellings of one mailbox are equal: local parts are compared without case, as Exchange does. */
export function addressKey(address: Address): AddressKey {
  return `${unquote(localPart(address)).toLowerCase()}@${domainOf(address)}` as AddressKey;
}

/** The local part as it stands in the address, quotes included. */
export function localPart(address: Address): string {
  return address.slice(0, address.lastIndexOf("@"));
}

/** The domain: lower case, A-labels. */
export function domainOf(address: Address): string {
  return address.slice(address.lastIndexOf("@") + 1);
}

/** True when the address needs SMTPUTF8 (RFC 6531): its domain is always ASCII here, its local part need not be. */
export function needsSmtpUtf8(address: Address): boolean {
  return /[^\p{ASCII}]/u.test(address);
}

/** `<a@b>` or `<>`, as in `MAIL FROM:` and `Return-Path:`. */
export function formatReversePath(path: ReversePath): string {
  return path.kind === "null" ? "<>" : `<${path.address}>`;
}

/**
 * A domain as lower-case A-labels, or an address literal; `undefined` if it is neither.
 * Underscores are let through: hosts with them exist in mail although RFC 952 forbids them.
 */
export function parseDomain(text: string): string | undefined {
  if (/^\[(?:\d{1,3}(?:\.\d{1,3}){3}|IPv6:[0-9a-fA-F:.]+)\]$/u.test(text))
    return text.toLowerCase().replace("ipv6", "IPv6");
  const bare = text.endsWith(".") ? text.slice(0, -1) : text;
  const ascii = /^\p{ASCII}*$/u.test(bare) ? bare.toLowerCase() : domainToASCII(bare);
  if (ascii === "" || ascii.length > maxDomainOctets) return undefined;
  const labels = ascii.split(".");
  return labels.every((label) => /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/u.test(label)) ? ascii : undefined;
}

function bad(why: string): AddressResult {
  return { kind: "bad", why };
}

/** RFC 5321 §4.1.2 dot-string, with the stray dots that real systems produce kept inside quotes. */
const dotString = /^[\p{L}\p{N}\p{M}\p{So}!#$%&'*+\-/=?^_`{|}~]+(?:\.[\p{L}\p{N}\p{M}\p{So}!#$%&'*+\-/=?^_`{|}~]+)*$/u;

function parseLocal(text: string): string | undefined {
  if (dotString.test(text)) return text;
  const content = text.startsWith('"') ? unquoteStrict(text) : text;
  if (content === undefined || content === "" || /[\p{Cc}\p{Zl}\p{Zp}]/u.test(content)) return undefined;
  if (dotString.test(content)) return content;
  // Only what was quoted may hold specials; `..` and trailing dots are let through unquoted input because
  // some (mostly Japanese) providers hand out such mailboxes.
  if (!text.startsWith('"') && !/^[^\s"\\<>()[\]:;@,]+$/u.test(content)) return undefined;
  return `"${content.replace(/["\\]/gu, String.raw`\$&`)}"`;
}

/** The content of an RFC 5321 quoted-string, or `undefined` if the quotes or backslashes do not pair up. */
function unquoteStrict(text: string): string | undefined {
  return /^"(?:[^"\\]|\\.)*"$/su.test(text) ? unquote(text) : undefined;
}

function unquote(local: string): string {
  return local.startsWith('"') ? local.slice(1, -1).replace(/\\(.)/gsu, "$1") : local;
}
