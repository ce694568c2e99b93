/** Decodes RFC 2047 encoded words for display: lists and search. What cannot be decoded stays as written. */

const word = /=\?([A-Za-z0-9._-]{1,40})(?:\*[A-Za-z-]{1,20})?\?([BbQq])\?([^?\s]*)\?=/gu;

/** The text as a person reads it, without control characters (those of writing direction too), cut to `max` characters. */
export function decodeForDisplay(value: string, max: number): string {
  // What will be cut away is not worth decoding; an encoded word is at most four times as long as what it says.
  const joined = value.slice(0, max * 6).replace(/\?=\s+(?==\?)/gu, "?=");
  const text = joined.replace(word, (written, charset: string, encoding: string, data: string) => {
    return decodeWord(charset, encoding.toLowerCase(), data) ?? written;
  });
  const clean = text.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]+/gu, " ").trim();
  return clean.slice(0, max).toWellFormed();
}

function decodeWord(charset: string, encoding: string, data: string): string | undefined {
  const octets =
    encoding === "b"
      ? Buffer.from(data, "base64")
      : Buffer.from(
          data
            .replaceAll("_", " ")
            .replace(/=([0-9A-Fa-f]{2})/gu, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
          "latin1",
        );
  try {
    return new TextDecoder(charset).decode(octets);
  } catch {
    // A charset that the platform does not know.
    return undefined;
  }
}
