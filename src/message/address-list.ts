/**
 * Address lists of header fields (RFC 5322 §3.4, §4.4; RFC 6532), read by hand because an envelope depends on them.
 *
 * Reads mailboxes with and without display name or angle brackets, groups, nested comments, source routes, quoted local
 * parts, address literals, IDN domains and 8-bit local parts, separated by commas, semicolons, or (between bare or
 * bracketed addresses only) white space. A display name is never searched: `"x@evil" <a@f>` is a@f and nothing else.
 *
 * Whatever is no address is reported as written, never repaired and never dropped in silence. Linear in the length.
 */
import { parseAddress, type Address } from "../core/address.ts";

export interface AddressListResult {
  /** In order, duplicates kept. */
  readonly addresses: readonly Address[];
  /** Pieces that are no address, as written, cut to 200 characters each. */
  readonly unreadable: readonly string[];
}

const maxReported = 200;

interface Token {
  /** `word`: atoms, quoted strings, literals, dots and at-signs run together. `open`: a bracket, quote or comment without end. */
  readonly kind: "word" | "angle" | "comma" | "semicolon" | "colon" | "open";
  readonly start: number;
  readonly end: number;
  /** The words' text without comments; for `angle` what stands between the brackets. */
  readonly text: string;
}

/** Reads the value of an address list field, unfolded or not. */
export function parseAddressList(value: string): AddressListResult {
  const addresses: Address[] = [];
  const unreadable: string[] = [];
  let item: Token[] = [];
  /** Nothing but words without an at-sign so far: what can be the name of a group. */
  let isPhrase = true;
  const flush = (): void => {
    const first = item[0];
    const last = item.at(-1);
    if (first === undefined || last === undefined) return;
    const found = readItem(item);
    if (found === undefined) unreadable.push(value.slice(first.start, last.end).slice(0, maxReported));
    else addresses.push(...found);
    item = [];
    isPhrase = true;
  };
  for (const token of tokens(value)) {
    switch (token.kind) {
      case "comma":
      case "semicolon":
        flush();
        break;
      case "colon":
        // The display name of a group (RFC 5322 §3.4); with an address before it, it is something else.
        if (isPhrase) item = [];
        else item.push({ ...token, kind: "open" });
        break;
      default:
        item.push(token);
        isPhrase &&= token.kind === "word" && !token.text.includes("@");
    }
  }
  flush();
  return { addresses, unreadable };
}

/** The addresses of what stands between two separators; `undefined` if it is not wholly readable. */
function readItem(item: readonly Token[]): readonly Address[] | undefined {
  const firstAngle = item.findIndex(({ kind }) => kind === "angle");
  if (item.some(({ kind }) => kind === "open")) return undefined;
  if (firstAngle < 0) return readBare(item.map(({ text }) => text));
  // Words before the first bracket are a display name; after it only further brackets can be meant as addresses.
  const rest = item.slice(firstAngle);
  if (rest.some(({ kind }) => kind !== "angle")) return undefined;
  const found: Address[] = [];
  for (const { text } of rest) {
    const address = readAngle(text);
    if (address === undefined) return undefined;
    found.push(address);
  }
  return found;
}

/** `a@x`, `a @ x . de` (RFC 5322 §4.4), or `a@x b@x`. */
function readBare(words: readonly string[]): readonly Address[] | undefined {
  const each: Address[] = [];
  for (const word of words) {
    const parsed = parseAddress(word);
    if (parsed.kind === "bad") break;
    each.push(parsed.address);
  }
  if (each.length === words.length) return each;
  const joined = joinWords(words);
  const parsed = joined === undefined ? undefined : parseAddress(joined);
  return parsed?.kind === "ok" ? [parsed.address] : undefined;
}

/** The content of angle brackets, without a source route (RFC 5321 appendix C). */
function readAngle(content: string): Address | undefined {
  const words: string[] = [];
  for (const token of tokens(content)) {
    if (token.kind === "word") words.push(token.text);
    else if (token.kind === "colon" && words[0]?.startsWith("@") === true) words.length = 0;
    // Commas stand between the hops of a route; anywhere else the joined text will not parse.
    else if (token.kind === "comma" && words[0]?.startsWith("@") === true) words.push(",@");
    else return undefined;
  }
  const joined = joinWords(words);
  const parsed = joined === undefined ? undefined : parseAddress(joined);
  return parsed?.kind === "ok" ? parsed.address : undefined;
}

/** Runs words together where white space may stand: beside a dot or an at-sign. */
function joinWords(words: readonly string[]): string | undefined {
  const fit = words.every((word, i) => i === 0 || /^[.@,]/u.test(word) || ".@".includes(words[i - 1]?.at(-1) ?? ""));
  return fit ? words.join("") : undefined;
}

function* tokens(text: string): Generator<Token, void, void> {
  let i = 0;
  while (i < text.length) {
    const start = i;
    const c = text.charAt(i);
    if (isSpace(c)) i++;
    else if (c === "(") {
      i = afterComment(text, i);
      if (i < 0) return yield open(text, start);
    } else if (c === "," || c === ";" || c === ":") {
      i++;
      yield { kind: c === "," ? "comma" : c === ";" ? "semicolon" : "colon", start, end: i, text: c };
    } else if (c === "<") {
      i = afterAngle(text, i);
      if (i < 0) return yield open(text, start);
      yield { kind: "angle", start, end: i, text: text.slice(start + 1, i - 1) };
    } else {
      i = afterWord(text, i);
      if (i < 0) return yield open(text, start);
      yield { kind: "word", start, end: i, text: text.slice(start, i) };
    }
  }
}

function open(text: string, start: number): Token {
  return { kind: "open", start, end: text.length, text: "" };
}

function isSpace(c: string): boolean {
  return c === " " || c === "\t" || c === "\r" || c === "\n";
}

/** The index after a comment, nested ones included (RFC 5322 §3.2.2); -1 if it does not end. */
export function afterComment(text: string, start: number): number {
  let depth = 0;
  for (let i = start; i < text.length; i++) {
    const c = text.charAt(i);
    if (c === "\\") i++;
    else if (c === "(") depth++;
    else if (c === ")" && --depth === 0) return i + 1;
  }
  return -1;
}

/** The index after a quoted string; -1 if it does not end. */
export function afterQuoted(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    const c = text.charAt(i);
    if (c === "\\") i++;
    else if (c === '"') return i + 1;
  }
  return -1;
}

/** The index after `<…>`, quoted strings and comments in it skipped; -1 if it does not end. */
function afterAngle(text: string, start: number): number {
  let i = start + 1;
  while (i < text.length && i >= 0) {
    const c = text.charAt(i);
    if (c === ">") return i + 1;
    if (c === "<") return -1;
    if (c === '"') i = afterQuoted(text, i);
    else if (c === "(") i = afterComment(text, i);
    else i++;
  }
  return -1;
}

/** The index after atoms, quoted strings and literals that stand together; -1 if one does not end. */
function afterWord(text: string, start: number): number {
  let i = start;
  while (i < text.length && i >= 0) {
    const c = text.charAt(i);
    if (c === '"') i = afterQuoted(text, i);
    else if (c === "[") {
      const end = text.indexOf("]", i);
      i = end < 0 ? -1 : end + 1;
    } else if (isSpace(c) || "(,;:<".includes(c)) return i;
    // A backslash outside quotes is no atom, but it must not hide what follows it; parseAddress will say no.
    else i++;
  }
  return i;
}
