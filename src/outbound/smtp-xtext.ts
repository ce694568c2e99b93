/**
 * xtext (RFC 3461 §4): printable ASCII without `+` and `=`, and `+XX` for everything else. Pure.
 *
 * What is decoded goes into records, reports and the parameters of the next server, so a value that hides control
 * characters is as bad as one that is not xtext at all. Hexadecimal digits are taken in lower case as well: nothing
 * else could be meant.
 */

/** The text that was encoded; `undefined` if it is not xtext, or if control characters come out. */
export function decodeXtext(value: string): string | undefined {
  if (!/^(?:[!-*,-<>-~]|\+[0-9A-Fa-f]{2})*$/u.test(value)) return undefined;
  const octets = Buffer.from(
    value.replace(/\+([0-9A-Fa-f]{2})/gu, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    "latin1",
  );
  return utf8Text(octets);
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** UTF-8 without control characters; `undefined` if it is anything else. */
export function utf8Text(octets: Buffer): string | undefined {
  try {
    const text = utf8.decode(octets);
    return /[\p{Cc}\u2028\u2029]/u.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}
