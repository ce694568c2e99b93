/**
 * What mail and servers say, made fit for a terminal: nothing of it can move the cursor, change colours, set a title or
 * turn the direction of the text around (ECMA-48 control functions, Unicode's bidirectional controls). What is taken out
 * shows as U+FFFD, so that one sees that something was there. Pure.
 */

// C0, DEL, C1, line and paragraph separators; bidirectional controls (UAX #9); lone surrogates.
const unfit = /[\p{Cc}\p{Zl}\p{Zp}\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069\p{Cs}]/gu;

/** One line, safe to write to a terminal. */
export function printable(text: string): string {
  return text.replaceAll(/\r?\n[ \t]*|\t/gu, " ").replaceAll(unfit, "\uFFFD");
}

/** Several lines, each safe: for header blocks. */
export function printableLines(text: string): string[] {
  return text
    .replace(/(?:\r?\n)+$/u, "")
    .split(/\r?\n/u)
    .map((line) => line.replaceAll("\t", "    ").replaceAll(unfit, "\uFFFD"));
}

/** JSON in which only printable characters stand as they are: the same value, but safe on a terminal too. */
export function printableJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, undefined, indent)
    .split("\n")
    .map((line) => line.replaceAll(unfit, escaped))
    .join("\n");
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

// East Asian wide and full-width ranges (UAX #11), and what is shown as an emoji.
const wide =
  /[\u1100-\u115F\u2E80-\u303E\u3041-\uA4CF\uA960-\uA97C\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF01-\uFF60\uFFE0-\uFFE6\u{20000}-\u{3FFFD}]|\p{Emoji_Presentation}/u;
const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });
const ascii = /^[ -~]*$/u;

/** Columns that a text takes on a terminal. */
export function displayWidth(text: string): number {
  if (ascii.test(text)) return text.length;
  let width = 0;
  for (const { segment } of graphemes.segment(text)) width += graphemeWidth(segment);
  return width;
}

/** The beginning of a text, in at most `width` columns; `…` shows that there is more. */
export function shortened(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  let kept = "";
  let used = 0;
  for (const { segment } of graphemes.segment(text)) {
    used += graphemeWidth(segment);
    if (used > width - 1) break;
    kept += segment;
  }
  return width < 1 ? "" : `${kept}…`;
}

function graphemeWidth(segment: string): number {
  if (/^[\p{Mn}\p{Me}\p{Cf}]+$/u.test(segment)) return 0;
  return wide.test(segment) ? 2 : 1;
}
