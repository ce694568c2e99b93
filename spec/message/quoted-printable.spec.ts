import fc from "fast-check";
import { expect, test } from "vitest";
import { quotedPrintable } from "../../src/message/quoted-printable.ts";

function decode(text: string): Buffer {
  const octets = text
    .replace(/=\r\n/gu, "")
    .replace(/=([0-9A-F]{2})/gu, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(octets, "latin1");
}

test.each([
  ["Grüße = 1\r\n", "Gr=C3=BC=C3=9Fe =3D 1\r\n"],
  ["end \r\nend\t", "end=20\r\nend=09"],
  ["a\rb\nc", "a=0Db=0Ac"],
  ["", ""],
])("%j", (text, expected) => {
  expect(quotedPrintable(Buffer.from(text))).toBe(expected);
});

test("any octets: short lines of ASCII without white space at their end, and the same octets again", () => {
  const octets = fc.oneof(
    fc.uint8Array({ maxLength: 500 }).map((bytes) => Buffer.from(bytes)),
    fc
      .array(fc.constantFrom("\r\n", "\r", "\n", " ", "=", "ü", "x".repeat(80)))
      .map((parts) => Buffer.from(parts.join(""))),
  );
  fc.assert(
    fc.property(octets, (input) => {
      const text = quotedPrintable(input);
      for (const line of text.split("\r\n")) expect(line).toMatch(/^[\x20-\x7e\t]{0,76}$/u);
      expect(text).not.toMatch(/[ \t](?:\r\n|$)/u);
      expect(decode(text)).toEqual(input);
    }),
  );
});
