/**
 * Errors of TOML syntax: what the parser says, in words for an administrator, and how the broken line is set aside so
 * that reading can go on behind it.
 *
 * A key or table that stands twice is renamed to one that the reader skips, so that nothing around it moves. A broken
 * header becomes the header of a table that is skipped, so that its keys do not fall into the table above. Any other
 * broken line is emptied. Where that cannot help (an unfinished string or array swallows all that follows), reading ends.
 */
import { ParseError } from "toml-eslint-parser";
import type { Position } from "./key-path.ts";
import { textOf } from "./failure.ts";

export interface SyntaxFault extends Position {
  /** `repeated`: a key or table stands twice; all values were read. `unreadable`: a line was set aside. */
  readonly kind: "repeated" | "unreadable";
  /** The key that is written there, if it can be made out. */
  readonly key: string;
  readonly message: string;
  readonly hint: string;
}

export interface SetAside {
  readonly fault: SyntaxFault;
  /** The text to read instead; `undefined` when reading on makes no sense. */
  readonly rest: string | undefined;
}

/** What is longer is not a key that someone wrote, and would not help on a screen. */
const longestKey = 80;

const asidePrefix = "popgate-set-aside-";

/** True for the keys that `setAside` writes. */
export function isAside(part: string | number): boolean {
  return typeof part === "string" && part.startsWith(asidePrefix);
}

/** What the parser's message means, by its beginning. */
const words: readonly { readonly starts: string; readonly message: string; readonly hint: string }[] = [
  { starts: "Unterminated string", message: "the text has no closing quotation mark", hint: "" },
  { starts: "Unterminated table-key", message: "the table's name has no closing bracket", hint: "" },
  { starts: "Unterminated array", message: "the list has no closing bracket", hint: "" },
  { starts: "Unterminated inline table", message: "the inline table has no closing brace", hint: "" },
  { starts: "Empty bare keys", message: "a key is missing", hint: "" },
  { starts: "Must be a newline", message: "something follows the value", hint: "One key stands on each line" },
  { starts: "Expected equal", message: "an equals sign is missing", hint: "Write: key = value" },
  {
    starts: "Unspecified values",
    message: "the value is missing or cannot be read",
    hint: "Text stands in quotation marks",
  },
  { starts: "Expected comma", message: "a comma is missing", hint: "" },
  { starts: "Unexpected character", message: "this character cannot stand here", hint: "" },
  { starts: "Unexpected token", message: "this cannot stand here", hint: "Text stands in quotation marks" },
  { starts: "Control characters", message: "a control character cannot stand here", hint: "" },
  {
    starts: "Invalid character in escape",
    message: "the backslash begins an escape that does not exist",
    hint: "Put a Windows path between single quotation marks, or double the backslashes",
  },
  { starts: "The key, equals sign", message: "key, equals sign and value must stand on one line", hint: "" },
  { starts: "Leading zeros", message: "a number cannot begin with 0", hint: "" },
];

/** Where the parser stumbled, and the text without it. */
export function setAside(text: string, error: unknown, count: number): SetAside {
  if (!(error instanceof ParseError)) {
    const message = error instanceof RangeError ? "it is nested too deeply" : `it cannot be read: ${textOf(error)}`;
    return { fault: { kind: "unreadable", line: 1, column: 1, key: "", message, hint: "" }, rest: undefined };
  }
  const at = Math.min(error.index, text.length);
  if (error.message.startsWith("Defining a key")) return setRepeatedAside(text, at, count);
  const swallowing = error.message.startsWith("Unterminated") && at >= text.trimEnd().length;
  const place = swallowing
    ? openingPlace(text)
    : errorPlace(text, at, /^(?:The key, equals|Expected equal)/u.test(error.message));
  const line = lineAt(text, place).content;
  const fault: SyntaxFault = {
    kind: "unreadable",
    ...positionAt(text, place),
    key: keyOnLine(line),
    ...wordsFor(error.message, line),
  };
  return { fault, rest: swallowing ? undefined : withoutLine(text, place, count) };
}

/** Some mistakes are better told by the line than by where the parser stumbled. */
function wordsFor(said: string, line: string): { readonly message: string; readonly hint: string } {
  if (/^\s*\[[^\]]*$/u.test(line)) return { message: "the table's name has no closing bracket", hint: "" };
  if (/^[^"'#]*=\s*(?:#.*)?$/u.test(line)) return { message: "the value is missing", hint: "" };
  if (/^[^"'#=]*=\s*[\p{L}/~.*]/u.test(line) && said.startsWith("Unexpected"))
    return { message: "the value cannot be read", hint: "Text stands in quotation marks" };
  const known = words.find(({ starts }) => said.startsWith(starts));
  return { message: known?.message ?? `not TOML: ${said}`, hint: known?.hint ?? "" };
}

function setRepeatedAside(text: string, at: number, count: number): SetAside {
  const line = lineAt(text, at);
  const header = line.content.trimStart().startsWith("[");
  const name = /^(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')/u.exec(text.slice(at))?.[0];
  const fault: SyntaxFault = {
    kind: name === undefined ? "unreadable" : "repeated",
    ...positionAt(text, at),
    key: keyOnLine(line.content),
    message: header
      ? "this table, or a key of that name, stands further up already"
      : "this key stands further up already",
    hint: header ? "Tables that may stand several times have double brackets: [[collector]]" : "Remove one of the two",
  };
  if (name === undefined) return { fault, rest: withoutLine(text, at, count) };
  return { fault, rest: `${text.slice(0, at)}${asidePrefix}${count}${text.slice(at + name.length)}` };
}

/** The parser looks past the end of a line for what is missing at its end: the fault is where the last text stood. */
function errorPlace(text: string, at: number, ofLineBefore: boolean): number {
  const line = lineAt(text, at);
  if (at > line.start && text.slice(line.start, at).trim() !== "") return at;
  if (line.content.trim() !== "" && at < text.length && at !== line.start) return at;
  const before = text.slice(0, line.start).trimEnd();
  const previous = lineAt(text, Math.max(0, before.length - 1));
  return ofLineBefore || /=\s*$/u.test(previous.content) ? Math.max(0, before.length - 1) : at;
}

/** Where that began which swallows the rest of the text: the last line on which a list, table or long text is opened. */
function openingPlace(text: string): number {
  const opening = [...text.matchAll(/^[^\n#=]*=[ \t]*(?:\[|\{|"""|''')/gmu)].at(-1);
  return opening === undefined ? Math.max(0, text.trimEnd().length - 1) : opening.index + opening[0].length - 1;
}

function withoutLine(text: string, at: number, count: number): string | undefined {
  const { start, end, content } = lineAt(text, at);
  if (content.trim() === "") return undefined;
  const instead = content.trimStart().startsWith("[") ? `[${asidePrefix}${count}]` : "";
  return text.slice(0, start) + instead + text.slice(end);
}

function lineAt(text: string, at: number): { readonly start: number; readonly end: number; readonly content: string } {
  const start = at === 0 ? 0 : text.lastIndexOf("\n", at - 1) + 1;
  const next = text.indexOf("\n", at);
  const end = next < 0 ? text.length : next;
  return { start, end, content: text.slice(start, end) };
}

function positionAt(text: string, at: number): Position {
  let line = 1;
  let start = 0;
  for (let next = text.indexOf("\n"); next >= 0 && next < at; next = text.indexOf("\n", start)) {
    line++;
    start = next + 1;
  }
  return { line, column: at - start + 1 };
}

function keyOnLine(content: string): string {
  const match = /^\s*(?:\[{1,2}\s*([^\]\s]+)|([^=\s#]+)\s*(?:=|$))/u.exec(content);
  const key = (match?.[1] ?? match?.[2] ?? "").replace(/\]+$/u, "");
  return key.length > longestKey ? "" : key;
}
