/** Text for a field of our own: plain where that does, else encoded words that any reader puts together again. */
import { describe, expect, it } from "vitest";
import { encodeWords } from "../../src/message/encode-words.ts";
import { decodeForDisplay } from "../../src/message/encoded-words.ts";

describe("text for a field", () => {
  it("stays as it is when it is short ASCII", () => {
    expect(encodeWords("Undeliverable: Hello")).toBe("Undeliverable: Hello");
    expect(encodeWords("")).toBe("");
    expect(encodeWords("x".repeat(60))).toBe("x".repeat(60));
  });

  it.each([
    ["letters outside ASCII", "Größe"],
    ["what looks like an encoded word", "=?utf-8?Q?x?="],
    ["more than fits behind a field's name", "x".repeat(61)],
    ["a line end, which would end the field", "a\r\nBcc: b"],
    ["characters of four octets, none cut", "😀".repeat(40)],
    ["half a character", "a\ud83d"],
  ])("is encoded: %s", (_, text) => {
    const encoded = encodeWords(text);
    expect(encoded).toMatch(/^=\?utf-8\?B\?[A-Za-z0-9+/]*={0,2}\?=(?:\r\n =\?utf-8\?B\?[A-Za-z0-9+/]*={0,2}\?=)*$/u);
    for (const line of encoded.split("\r\n")) expect(line.length).toBeLessThanOrEqual(76);
    expect(decodeForDisplay(encoded, 1000)).toBe(text.toWellFormed().replaceAll("\r\n", " "));
  });
});
