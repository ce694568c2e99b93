import { describe, expect, it } from "vitest";
import { decodeForDisplay } from "../../src/message/encoded-words.ts";

describe("text for display", () => {
  it.each([
    ["plain", "plain"],
    ["=?utf-8?q?Gr=C3=BC=C3=9Fe_aus_Wien?=", "Grüße aus Wien"],
    ["=?UTF-8?B?R3LDvMOfZQ==?=", "Grüße"],
    ["=?iso-8859-1?Q?M=FCller?= <m@firma.example>", "Müller <m@firma.example>"],
    ["=?windows-1252?q?=80?=", "€"],
    ["=?utf-8*de?q?=C3=BC?=", "ü"],
    ["=?utf-8?q?a?=\t =?utf-8?q?b?= c", "ab c"],
    ["=?x-unknown?q?=C3=BC?=", "=?x-unknown?q?=C3=BC?="],
    ["=?utf-8?x?abc?=", "=?utf-8?x?abc?="],
    ["=?utf-8?q?broken", "=?utf-8?q?broken"],
    ["=?utf-8?q?=1B[2J=0D=0ABcc:_x?=", "[2J Bcc: x"],
    ["=?utf-8?q?a=E2=80=AEb?=", "a b"],
  ])("%j is read as %j", (value, expected) => {
    expect(decodeForDisplay(value, 300)).toBe(expected);
  });

  it("is cut, never in the middle of a character", () => {
    expect(decodeForDisplay("x".repeat(1_000_000), 10)).toBe("x".repeat(10));
    expect(decodeForDisplay("123456789😀", 10).isWellFormed()).toBe(true);
  });
});
