import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { examine, type Examined } from "../../src/message/examine.ts";

function examined(text: string | Buffer, chunkSize = Infinity, maxHeader = 10_000): Examined {
  const bytes = typeof text === "string" ? Buffer.from(text, "latin1") : text;
  const examination = examine({ maxHeader });
  for (let at = 0; at < bytes.length; at += chunkSize) examination.push(bytes.subarray(at, at + chunkSize));
  return examination.finish();
}

const message =
  "Envelope-To: <a@firma.example>\r\nReceived: from x by y; now\r\nFrom: =?utf-8?q?J=C3=BCrgen?= <j@kunde.example>\r\n" +
  "Subject: =?iso-8859-1?B?R3L832U=?=\r\n =?utf-8?q?_aus?= Wien\r\nMessage-ID: <1@kunde.example>\r\nDate: Tue, 24 Nov 2026 08:00:00 +0100\r\n\r\nHello\r\n";

describe("examination", () => {
  it("gives header, decoded summary and traits", () => {
    const result = examined(message);
    expect(result.header.fields).toHaveLength(6);
    expect(result.summary).toEqual({
      messageId: "<1@kunde.example>",
      from: "Jürgen <j@kunde.example>",
      subject: "Grüße aus Wien",
      date: "Tue, 24 Nov 2026 08:00:00 +0100",
    });
    expect(result).toMatchObject({
      headerTooLarge: false,
      traits: { eightBit: false, eightBitHeader: false, longLines: false },
    });
    expect(result.contentDigest).toMatch(/^[0-9a-f]{64}$/u);
  });

  it("says as soon as the header block is whole", () => {
    const examination = examine({ maxHeader: 100 });
    examination.push(Buffer.from("A: 1\r\n\r"));
    expect(examination.headComplete).toBe(false);
    examination.push(Buffer.from("\n"));
    expect(examination.headComplete).toBe(true);
  });

  it.each([
    ["another envelope field", message.replace("a@firma", "b@firma")],
    ["another trace", message.replace("by y", "by z")],
    ["a Return-Path", `Return-Path: <>\r\n${message}`],
    ["fields at the end", message.replace("\r\n\r\n", "\r\nX-Spam-Flag: NO\r\n\r\n")],
    ["another folding", message.replace("?=\r\n =?", "?=\r\n\t\t=?")],
    ["bare LF", message.replaceAll("\r\n", "\n")],
    ["no end of the last line", message.slice(0, -2)],
  ])("finds the same content with %s", (_, copy) => {
    expect(examined(copy).contentDigest).toBe(examined(message).contentDigest);
  });

  it.each([
    ["body", message.replace("Hello", "hello")],
    ["subject", message.replace("Wien", "wien")],
    ["recipients", message.replace("Subject:", "To: a@firma.example\r\nSubject:")],
    ["message id", message.replace("<1@", "<2@")],
    ["part of the header", message.replace("\r\n\r\n", "\r\n\r\n\r\n")],
  ])("finds other content with another %s", (_, copy) => {
    expect(examined(copy).contentDigest).not.toBe(examined(message).contentDigest);
  });

  it.each([
    ["8-bit body", "A: 1\r\n\r\n\xe4\r\n", { eightBit: true, eightBitHeader: false, longLines: false }],
    ["8-bit header", "A: \xe4\r\n\r\nx\r\n", { eightBit: true, eightBitHeader: true, longLines: false }],
    [
      "a line of 998",
      `A: 1\r\n\r\n${"x".repeat(998)}\r\n`,
      { eightBit: false, eightBitHeader: false, longLines: false },
    ],
    [
      "a line of 999",
      `A: 1\r\n\r\n${"x".repeat(999)}\r\n`,
      { eightBit: false, eightBitHeader: false, longLines: true },
    ],
    [
      "a last line of 998",
      `A: 1\r\n\r\n${"x".repeat(998)}`,
      { eightBit: false, eightBitHeader: false, longLines: false },
    ],
    [
      "a last line of 999",
      `A: 1\r\n\r\n${"x".repeat(999)}`,
      { eightBit: false, eightBitHeader: false, longLines: true },
    ],
    [
      "a header line of 999",
      `A: ${"x".repeat(996)}\r\n\r\n`,
      { eightBit: false, eightBitHeader: false, longLines: true },
    ],
    [
      "long text in short lines",
      `A: 1\r\n\r\n${`${"x".repeat(76)}\r\n`.repeat(500)}`,
      { eightBit: false, eightBitHeader: false, longLines: false },
    ],
  ])("notes traits: %s", (_, text, traits) => {
    for (const size of [Infinity, 1, 7, 500]) expect(examined(text, size).traits).toEqual(traits);
  });

  it("does not read a header block beyond its limit, and says so", () => {
    const text = `${"A: 12345\r\n".repeat(20)}\r\nbody`;
    for (const size of [Infinity, 1, 33]) {
      const result = examined(text, size, 100);
      expect(result.headerTooLarge).toBe(true);
      expect(result.header.fields).toHaveLength(10);
    }
    expect(examined(text, Infinity, 202).headerTooLarge).toBe(false);
    expect(examined(text, Infinity, 201).headerTooLarge).toBe(true);
  });

  it("does not take a long text without header for a large header", () => {
    expect(examined("Just text.\r\n".repeat(100), Infinity, 100)).toMatchObject({
      headerTooLarge: false,
      header: { fields: [], bodyStart: 0 },
    });
  });

  it("gives the same for any way of cutting into chunks", () => {
    const parts = fc.constantFrom("A: 1", "From: a@b", "\r", "\n", "\r\n", "\r\n\r\n", "x", "\xe4", " ", ":");
    fc.assert(
      fc.property(
        fc.array(parts, { maxLength: 25 }),
        fc.integer({ min: 1, max: 9 }),
        fc.constantFrom(12, 1000),
        (list, size, max) => {
          const text = list.join("");
          const whole = examined(text, Infinity, max);
          const pieces = examined(text, size, max);
          expect({ ...pieces, header: pieces.header.bodyStart }).toEqual({ ...whole, header: whole.header.bodyStart });
        },
      ),
      { numRuns: 300 },
    );
  });

  it("keeps no octet of a chunk: the buffers may be used again", () => {
    const examination = examine({ maxHeader: 1000 });
    const chunk = Buffer.from("Subject: one\r\n");
    examination.push(chunk);
    chunk.fill("x");
    examination.push(Buffer.from("\r\n"));
    expect(examination.finish().summary.subject).toBe("one");
  });
});
