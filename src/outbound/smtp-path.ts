/**
 * `MAIL FROM:<…> …` and `RCPT TO:<…> …` taken apart (RFC 5321 §4.1.1.2, §4.1.1.3, §4.1.2): the path, the address in it,
 * and the parameters as they stand there. Pure; what the parameters mean is in `smtp-parameters.ts`.
 *
 * An address becomes an `Address` here or nowhere. Source routes are refused (RFC 5321 appendix F.2 lets a server do
 * so): following or cutting them would make the address another one than was checked. Addresses outside ASCII need
 * SMTPUTF8 (RFC 6531 §3.1).
 */
import { type Address, needsSmtpUtf8, parseAddress, type ReversePath, nullReversePath } from "../core/address.ts";
import type { SmtpAnswer } from "./port.ts";

export interface PathLine {
  /** The path without its angle brackets. */
  readonly path: string;
  readonly parameters: readonly string[];
}

export type Parsed<T> =
  | { readonly kind: "ok"; readonly value: T }
  | { readonly kind: "bad"; readonly answer: SmtpAnswer };

/** What stands behind the verb: `FROM:<path> A=b C`. `undefined` if there is no path in angle brackets. */
export function splitPath(rest: string, keyword: "FROM" | "TO"): PathLine | undefined {
  const head = new RegExp(`^${keyword}: *<`, "iu").exec(rest)?.[0];
  if (head === undefined) return undefined;
  const end = endOfPath(rest, head.length);
  if (end < 0) return undefined;
  const tail = rest.slice(end + 1);
  if (tail !== "" && !tail.startsWith(" ")) return undefined;
  return { path: rest.slice(head.length, end), parameters: tail.split(" ").filter((part) => part !== "") };
}

/** The sender. `<>` is the null reverse path. */
export function parseSender(path: string, smtpUtf8: boolean): Parsed<ReversePath> {
  if (path === "") return { kind: "ok", value: nullReversePath };
  const parsed = parsePath(path, smtpUtf8, "5.1.7");
  return parsed.kind === "bad" ? parsed : { kind: "ok", value: { kind: "address", address: parsed.value } };
}

/** A recipient. `<postmaster>` without a domain is ours (RFC 5321 §4.5.1). */
export function parseRecipient(path: string, smtpUtf8: boolean, postmaster: Address): Parsed<Address> {
  if (path.toLowerCase() === "postmaster") return { kind: "ok", value: postmaster };
  return parsePath(path, smtpUtf8, "5.1.3");
}

function parsePath(path: string, smtpUtf8: boolean, status: string): Parsed<Address> {
  if (path.startsWith("@")) return bad(553, "5.1.3", "Source routes are not taken, give the address alone");
  if (!smtpUtf8 && /[^\p{ASCII}]/u.test(path)) return needsUtf8;
  const result = parseAddress(path);
  if (result.kind === "bad") return bad(501, status, `Not a mail address: ${result.why}`);
  // A local part can hold UTF-8 only where the path does.
  return !smtpUtf8 && needsSmtpUtf8(result.address) ? needsUtf8 : { kind: "ok", value: result.address };
}

/** RFC 6531 §3.5: X.6.7 where the address itself would be good. */
const needsUtf8 = bad(553, "5.6.7", "An address outside ASCII needs the parameter SMTPUTF8 at MAIL");

function bad(code: number, enhanced: string, text: string): Extract<Parsed<never>, { readonly kind: "bad" }> {
  return { kind: "bad", answer: { code, enhanced, text } };
}

/** Where the closing bracket stands: not within a quoted string, and with no other bracket before it. */
function endOfPath(text: string, from: number): number {
  let quoted = false;
  for (let i = from; i < text.length; i++) {
    const char = text[i];
    if (quoted && char === "\\") i++;
    else if (char === '"') quoted = !quoted;
    else if (!quoted && char === "<") return -1;
    else if (!quoted && char === ">") return i;
  }
  return -1;
}
