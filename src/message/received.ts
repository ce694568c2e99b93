/**
 * Received fields (RFC 5321 §4.4) as they really are: Exim's `for` without brackets, qmail that says all in a comment,
 * Exchange's `with Microsoft SMTP Server`, `for` before `id`.
 *
 * What a client said of itself ends up in this line. So comments and quoted text never count as clauses, the word after
 * `from` is a name whatever it looks like, the last `by` is the one that the server wrote, and what stands before it
 * (the client's HELO, which can hold spaces at some servers) gives no other clause.
 */
import type { Address } from "../core/address.ts";
import { afterComment, afterQuoted, parseAddressList } from "./address-list.ts";

export interface ReceivedClauses {
  readonly from: string | undefined;
  /** Lower case, without a final dot. */
  readonly by: string | undefined;
  readonly via: string | undefined;
  readonly with: string | undefined;
  readonly id: string | undefined;
  readonly for: readonly Address[];
  /** Where the `for` clause stands in the text given, from the white space before `for` to its last address. */
  readonly forSpan: { readonly start: number; readonly end: number } | undefined;
  /** Comments that stand directly after the name in `by`, without their parentheses. */
  readonly byComments: readonly string[];
  readonly date: string | undefined;
}

interface Token {
  readonly kind: "word" | "quoted" | "comment";
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

interface Scan {
  readonly tokens: readonly Token[];
  /** Index of the last semicolon outside comments and quotes; the text's length if there is none. */
  readonly dateAt: number;
}

type Clause = "from" | "by" | "via" | "with" | "id" | "for";
const clauses: ReadonlySet<string> = new Set(["from", "by", "via", "with", "id", "for"]);

/** No server writes longer ones; what is longer says nothing. RFC 5321 §4.5.3.1.6 counts lines in hundreds of octets. */
const maxOctets = 16_384;

/** Reads a Received field's value, unfolded or as it stands (then the span counts in the same text). */
export function parseReceived(text: string): ReceivedClauses {
  const value = text.length > maxOctets ? "" : text;
  const { tokens, dateAt } = scan(value);
  const words = tokens.filter((token) => token.kind !== "comment");
  const said: Partial<Record<Clause, string>> = {};
  let recipients: { addresses: readonly Address[]; span: ReceivedClauses["forSpan"] } | undefined;
  let byToken: Token | undefined;
  for (let i = 0; i < words.length;) {
    const clause = clauseOf(words[i]);
    if (clause === undefined) {
      i++;
      continue;
    }
    let next = i + 2;
    // A name is one word, and may be any word; the other clauses go on to the next keyword.
    if (clause !== "from" && clause !== "by") while (next < words.length && clauseOf(words[next]) === undefined) next++;
    const found = words.slice(i + 1, next);
    if (clause === "by") {
      byToken = found[0];
      for (const key of ["via", "with", "id"] as const) delete said[key];
      recipients = undefined;
    }
    if (clause === "for") recipients = readFor(value, words[i], found) ?? recipients;
    else if (clause !== "from" || said.from === undefined) said[clause] = found.map((token) => token.text).join(" ");
    i = next;
  }
  return {
    from: said.from,
    by: said.by?.toLowerCase().replace(/\.$/u, ""),
    via: said.via,
    with: said.with,
    id: said.id,
    for: recipients?.addresses ?? [],
    forSpan: recipients?.span,
    byComments: byToken === undefined ? [] : commentsAfter(tokens, byToken),
    date: dateAt < value.length ? value.slice(dateAt + 1).trim() : undefined,
  };
}

function clauseOf(token: Token | undefined): Clause | undefined {
  if (token?.kind !== "word" || token.text.length > 4) return undefined;
  const lower = token.text.toLowerCase();
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the set holds exactly these words
  return clauses.has(lower) ? (lower as Clause) : undefined;
}

/** The addresses after `for`: as many words as together are an address list; nothing where the first is none. */
function readFor(
  value: string,
  keyword: Token | undefined,
  words: readonly Token[],
): { addresses: readonly Address[]; span: ReceivedClauses["forSpan"] } | undefined {
  const addresses: Address[] = [];
  let end = 0;
  for (const word of words) {
    if (word.kind === "word" && /^[<,>]+$/u.test(word.text)) continue;
    const list = parseAddressList(word.text);
    if (list.addresses.length === 0 || list.unreadable.length > 0) break;
    addresses.push(...list.addresses);
    end = word.end;
  }
  if (keyword === undefined || addresses.length === 0) return undefined;
  let start = keyword.start;
  while (start > 0 && isSpace(value.charCodeAt(start - 1))) start--;
  return { addresses, span: { start, end } };
}

/** Space, tab, CR, LF and the like: all that may stand between words, and NUL, which some servers let through. */
function isSpace(code: number): boolean {
  return code <= 32;
}

function commentsAfter(tokens: readonly Token[], token: Token): string[] {
  const found: string[] = [];
  for (const { kind, text } of tokens.slice(tokens.indexOf(token) + 1)) {
    if (kind !== "comment") break;
    found.push(text);
  }
  return found;
}

/** Splits at white space; comments and quoted strings stay whole. What an unclosed one swallows is a comment. */
function scan(value: string): Scan {
  const tokens: Token[] = [];
  let semicolon = -1;
  let i = 0;
  while (i < value.length) {
    const start = i;
    const c = value.charAt(i);
    if (c === "(" || (c === '"' && (i === 0 || isSpace(value.charCodeAt(i - 1))))) {
      const after = c === "(" ? afterComment(value, i) : afterWordAt(value, i);
      i = after < 0 ? value.length : after;
      const comment = c === "(" || after < 0;
      tokens.push({
        kind: comment ? "comment" : value.charAt(i - 1) === '"' ? "quoted" : "word",
        start,
        end: i,
        text: comment ? value.slice(start + 1, i - 1) : value.slice(start, i),
      });
    } else if (c === ";") {
      semicolon = i++;
      tokens.push({ kind: "quoted", start, end: i, text: ";" });
    } else if (isSpace(value.charCodeAt(i))) i++;
    else {
      const after = afterWordAt(value, i);
      i = after < 0 ? value.length : after;
      tokens.push({ kind: after < 0 ? "comment" : "word", start, end: i, text: value.slice(start, i) });
    }
  }
  const dateAt = semicolon < 0 ? value.length : semicolon;
  return { tokens: tokens.filter((token) => token.start < dateAt), dateAt };
}

/** The index after a word, in which quoted strings count as one; -1 if one does not end. */
function afterWordAt(value: string, start: number): number {
  let i = start;
  while (i < value.length && i >= 0) {
    const c = value.charAt(i);
    if (c === '"') i = afterQuoted(value, i);
    else if (c === "(" || c === ";" || isSpace(value.charCodeAt(i))) return i;
    else i++;
  }
  return i;
}
