import fc from "fast-check";
import { expect, test } from "vitest";
import { displayWidth, printable, printableJson, printableLines, shortened } from "../../src/cli/printable.ts";

/** Texts that are rich in what steers a terminal. */
const nasty = fc
  .array(
    fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom(
        "\u001B]0;title\u0007",
        "\u009B31m",
        "\u202Egnp.exe",
        "\r",
        "\n",
        "\t",
        "\u007F",
        "\uD800",
        "\u2028",
      ),
    ),
    { maxLength: 10 },
  )
  .map((parts) => parts.join(""));

const steering = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/u;

test("nothing that steers a terminal is left, in a line, in lines, in JSON", () => {
  fc.assert(
    fc.property(nasty, (text) => {
      expect(printable(text)).not.toMatch(steering);
      for (const line of printableLines(text)) expect(line).not.toMatch(steering);
      for (const line of printableJson({ [text]: [text] }, 2).split("\n")) expect(line).not.toMatch(steering);
    }),
  );
});

test("JSON says the same value", () => {
  fc.assert(
    fc.property(fc.jsonValue(), nasty, (value, text) => {
      const whole = { value, text };
      expect(JSON.parse(printableJson(whole, 2))).toEqual(JSON.parse(JSON.stringify(whole)));
    }),
  );
});

test.each([
  ["one\r\n two", "one two"],
  ["a\tb", "a b"],
  ["\u001B[2J", "\uFFFD[2J"],
  ["Grüße, 日本 👩‍👩‍👧", "Grüße, 日本 👩‍👩‍👧"],
])("%j is shown as %j", (text, shown) => {
  expect(printable(text)).toBe(shown);
});

test.each([
  ["abc", 3],
  ["Grüße", 5],
  ["Gru\u0308ße", 5],
  ["日本", 4],
  ["👩‍👩‍👧", 2],
  ["\u200B", 0],
])("%j takes %i columns", (text, width) => {
  expect(displayWidth(text)).toBe(width);
});

test("what is shortened fits, and begins as the text does", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.nat({ max: 40 }), (text, width) => {
      const cut = shortened(text, width);
      expect(displayWidth(cut)).toBeLessThanOrEqual(Math.max(width, 0));
      expect(cut === text || cut === "" || (cut.endsWith("…") && text.startsWith(cut.slice(0, -1)))).toBe(true);
    }),
  );
  expect(shortened("日本語", 5)).toBe("日本…");
  expect(shortened("abcdef", 4)).toBe("abc…");
});
