/** What strangers have written, fit to be shown; and addresses as people type them. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { addressesOf, firstBad } from "../../web/address-text.ts";
import { cut, plain, plainLines } from "../../web/plain.ts";

test.each([
  ["Rechnung\u202efdp.exe", "Rechnung\ufffdfdp.exe"],
  ["a\u0000b\u001b[31mc\u009d", "a\ufffdb\ufffd[31mc\ufffd"],
  ["zero\u200bwidth\ufeff", "zero\ufffdwidth\ufffd"],
  ["folded\r\n\tline", "folded line"],
  ["\u2067right\u2069", "\ufffdright\ufffd"],
  ["lone \ud800 surrogate", "lone \ufffd surrogate"],
  ["Grüße, 日本, 👍", "Grüße, 日本, 👍"],
  ["<script>alert(1)</script>", "<script>alert(1)</script>"],
])("%j is shown as %j", (text, shown) => {
  expect(plain(text)).toBe(shown);
});

test("whatever comes, a line is one line of visible characters, as long as before or shorter", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const shown = plain(text);
      expect(shown).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u);
      expect(shown.length).toBeLessThanOrEqual(text.length);
      expect(plain(shown)).toBe(shown);
    }),
  );
});

test("source keeps its lines and tabs, and nothing else that cannot be seen", () => {
  expect(plainLines("a\r\n\tb\n\u0007c\u202e\rd")).toBe("a\n\tb\n\ufffdc\ufffd\ufffdd");
});

test("is cut between characters", () => {
  expect([cut("👍👍👍", 3), cut("👍👍👍", 2), cut("abc", 2)]).toEqual(["👍👍👍", "👍…", "a…"]);
});

test.each([
  ["a@x.example, <b@x.example>;c@x.example\n\na@x.example ", ["a@x.example", "b@x.example", "c@x.example"]],
  [" ,; ", []],
])("%j holds the addresses %j", (typed, addresses) => {
  expect(addressesOf(typed)).toEqual(addresses);
});

test("says which cannot be an address", () => {
  expect(firstBad(["a@b", "ab", "@"])).toBe("ab");
  expect(firstBad(["a@b", "c@"])).toBe("c@");
  expect(firstBad(["grüße@bücher.example"])).toBeUndefined();
});
