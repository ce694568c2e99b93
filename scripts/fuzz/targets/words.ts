/**
 * Text that people read and write: encoded words (RFC 2047) in and out, quoted-printable (RFC 2045 §6.7).
 *
 * Holds: what is shown is a line without control characters, within its length, in whole characters; what we encode is
 * ASCII in short lines, and is read again as what it was.
 */
import { encodeWords } from "../../../src/message/encode-words.ts";
import { decodeForDisplay } from "../../../src/message/encoded-words.ts";
import { quotedPrintable } from "../../../src/message/quoted-printable.ts";
import { hold, type Target } from "../target.ts";

const unshown = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]+/gu;

function checkDisplay(text: string): void {
  for (const max of [10, 300]) {
    const shown = decodeForDisplay(text, max);
    hold(shown.length <= max, "more is shown than there is room for", shown.length);
    hold(shown.search(unshown) < 0, "a control character is shown", shown);
    hold(shown.isWellFormed(), "half a character is shown", shown);
  }
}

function checkEncoding(text: string): void {
  const encoded = encodeWords(text);
  hold(/^[\x20-\x7e]*(?:\r\n [\x20-\x7e]+)*$/u.test(encoded), "what we encode is no field", encoded);
  hold(
    encoded.split("\r\n").every((line) => line.length <= 76),
    "what we encode has long lines",
    encoded,
  );
  // A byte order mark at the front of an encoded word is taken for one.
  const clean = text.toWellFormed().replaceAll("\ufeff", "").replace(unshown, " ").trim().slice(0, 2000).toWellFormed();
  const again = decodeForDisplay(encoded, 3000).replaceAll("\ufeff", "").slice(0, 2000).toWellFormed();
  hold(again === clean, "what we encode is read as something else", [clean, again]);
}

function checkQuoted(octets: Buffer): void {
  const encoded = quotedPrintable(octets);
  hold(/^[\t\r\n\x20-\x7e]*$/u.test(encoded), "quoted-printable has a stray octet");
  hold(
    encoded.split("\r\n").every((line) => line.length <= 76 && !/[ \t]$/u.test(line)),
    "a line that cannot travel",
    encoded,
  );
  const decoded = encoded
    .replace(/=\r\n/gu, "")
    .replace(/=([0-9A-F]{2})/gu, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  hold(decoded === octets.toString("latin1"), "quoted-printable is read as something else", encoded);
}

function run(input: Buffer): void {
  checkDisplay(input.toString("utf8"));
  checkDisplay(input.toString("latin1"));
  checkEncoding(input.toString("utf8"));
  if (input.length % 2 === 0) checkEncoding(input.toString("utf16le"));
  checkQuoted(input);
}

export const target: Target = {
  name: "words",
  maxOctets: 1200,
  dictionary: [
    "=?utf-8?B?w6Q=?=",
    "=?iso-8859-1?Q?=E4_b?=",
    "?= =?",
    "=?utf-8*de?q?x?=",
    "=0D=0A",
    "=\r\n",
    "\u202e",
    "\ud83d\ude00",
    " \r\n",
    "=?utf-16?B?2AA=?=",
  ],
  seeds: [
    "=?utf-8?B?R3LDvMOfZQ==?= =?utf-8?Q?_aus_K=C3=B6ln?= plain",
    "Größe: 12 € — “quoted” 😀 and so on, for longer than sixty characters, so that it is folded",
    "text with = and \t\r\n trailing blanks \r\n",
    "=?gb18030?B?gTCBMA==?= =?x-unknown?B?QQ==?= =?utf-7?Q?+AGE-?=",
  ].map((text) => Buffer.from(text)),
  work: { perOctet: 300, fixed: 5000 },
  run,
};
