/**
 * Cuts a fetchmailrc into words, as fetchmail(1) describes its syntax: free form, `#` to the end of the line is a comment,
 * quotes hold blanks and escapes, and `,` `;` `:` are as good as a blank. Pure, and fit for any text: an open quote ends
 * with its line and is told.
 */
import type { Remark } from "./imported.ts";

export interface Word {
  readonly text: string;
  /** In quotes a word is never a keyword. */
  readonly quoted: boolean;
  readonly line: number;
}

const blank = /[\s,;:]/u;
const bareEnd = /[\s,;:=]/u;

/** The words of the file, and what could not be read. `=` is a word of its own. */
export function fetchmailWords(text: string): { readonly words: readonly Word[]; readonly remarks: readonly Remark[] } {
  const words: Word[] = [];
  const remarks: Remark[] = [];
  let line = 1;
  for (let at = 0; at < text.length;) {
    const character = text.charAt(at);
    if (character === "\n") line += 1;
    if (blank.test(character)) at += 1;
    else if (character === "#") at = endOfLine(text, at);
    else if (character === "=") {
      words.push({ text: "=", quoted: false, line });
      at += 1;
    } else if (character === '"' || character === "'") {
      const quoted = readQuoted(text, at);
      words.push({ text: quoted.text, quoted: true, line });
      if (!quoted.closed)
        remarks.push({ line, text: "a quote that is not closed; it was read to the end of its line" });
      at = quoted.end;
    } else {
      let end = at + 1;
      while (end < text.length && !bareEnd.test(text.charAt(end))) end += 1;
      words.push({ text: text.slice(at, end), quoted: false, line });
      at = end;
    }
  }
  return { words, remarks };
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  return end < 0 ? text.length : end;
}

function readQuoted(text: string, start: number) {
  const quote = text.charAt(start);
  const lineEnd = endOfLine(text, start);
  let value = "";
  let at = start + 1;
  while (at < lineEnd) {
    const character = text.charAt(at);
    if (character === quote) return { text: value, end: at + 1, closed: true };
    if (character === "\\" && at + 1 < lineEnd) {
      const escape = readEscape(text, at + 1);
      value += escape.text;
      at = escape.end;
    } else {
      value += character;
      at += 1;
    }
  }
  return { text: value.trimEnd(), end: lineEnd, closed: false };
}

const named: Readonly<Record<string, string>> = { n: "\n", t: "\t", b: "\b", r: "\r" };

/** The escapes of C that fetchmail takes: letters, octal with a leading 0, hexadecimal with x. */
function readEscape(text: string, at: number): { readonly text: string; readonly end: number } {
  const digits = /^(?:0([0-7]{1,3})|x([0-9a-f]{1,2})|([1-9][0-9]{0,2}))/iu.exec(text.slice(at, at + 4));
  if (digits !== null) {
    const [all, octal, hex, decimal] = digits;
    const code =
      octal === undefined ? parseInt(hex ?? decimal ?? "0", hex === undefined ? 10 : 16) : parseInt(octal, 8);
    return { text: String.fromCodePoint(code), end: at + all.length };
  }
  const character = text.charAt(at);
  return { text: named[character] ?? character, end: at + 1 };
}
