/** Text for a header field of a message that popgate writes itself: RFC 2047 encoded words where ASCII does not do. Pure. */

/** Octets of text in one encoded word: base64 and its frame stay within 75 characters (RFC 2047 §2). */
const octetsInWord = 42;
/** Plain text up to this length needs no folding behind any of our field names. */
const longestPlain = 60;

/**
 * The value of an unstructured field, folded, in ASCII, with no line longer than 76 characters. Whatever `text` holds, it
 * stays inside the field: control characters only ever stand within an encoded word.
 */
export function encodeWords(text: string): string {
  if (text.length <= longestPlain && /^[\x20-\x7e]*$/u.test(text) && !text.includes("=?")) return text;
  const words: string[] = [];
  let part = "";
  for (const character of text.toWellFormed()) {
    if (Buffer.byteLength(part + character) > octetsInWord) {
      words.push(part);
      part = "";
    }
    part += character;
  }
  return [...words, part].map((word) => `=?utf-8?B?${Buffer.from(word).toString("base64")}?=`).join("\r\n ");
}
