import { describe, expect, it } from "vitest";
import { parseHeaderBlock } from "../../src/message/header.ts";

function parse(text: string) {
  return parseHeaderBlock(Buffer.from(text, "latin1"));
}

function names(text: string): string[] {
  return parse(text).fields.map((field) => (field.junk ? "(junk)" : field.name));
}

describe("header block", () => {
  it("gives fields with their octets and the start of the body", () => {
    const text = "Envelope-To: <a@firma.example>\r\nSubject: one\r\n two\r\n\r\nbody";
    const header = parse(text);
    expect(header.fields.map(({ name, lower, value }) => ({ name, lower, value }))).toEqual([
      { name: "Envelope-To", lower: "envelope-to", value: "<a@firma.example>" },
      { name: "Subject", lower: "subject", value: "one two" },
    ]);
    expect(header.fields.map(({ start, end }) => text.slice(start, end))).toEqual([
      "Envelope-To: <a@firma.example>\r\n",
      "Subject: one\r\n two\r\n",
    ]);
    expect(header.fields[1]?.valueBytes.toString()).toBe(" one\r\n two\r\n");
    expect(text.slice(header.bodyStart)).toBe("body");
    expect(header).toMatchObject({ complete: true, irregular: false, mboxFrom: undefined });
  });

  it.each([
    ["CRLF", "A: 1\r\nB: 2\r\n\r\nbody", "body", false],
    ["bare LF", "A: 1\nB: 2\n\nbody", "body", false],
    ["CR CR LF", "A: 1\r\r\nB: 2\r\r\n\r\r\nbody", "body", false],
    ["bare CR", "A: 1\rB: 2\r\rbody", "body", true],
    ["mixed", "A: 1\r\nB: 2\n\nbody", "body", true],
    ["an empty line by LF after CRLF", "A: 1\r\nB: 2\r\n\nbody", "body", true],
  ])("reads line ends: %s", (_, text, body, irregular) => {
    const header = parse(text);
    expect(header.fields.map(({ name, value }) => `${name}=${value}`)).toEqual(["A=1", "B=2"]);
    expect(text.slice(header.bodyStart)).toBe(body);
    expect(header.irregular).toBe(irregular);
  });

  it("counts line ends by kind", () => {
    expect(parse("A: 1\r\nB: 2\nC: 3\rD: 4\r\r\n\r\n").lineEnds).toEqual({ crlf: 2, lf: 1, cr: 1, crcrlf: 1 });
  });

  it("takes an mbox separator off, but not a field that looks like one", () => {
    const header = parse("From a@x Tue Nov 24 08:00:00 2026\r\nA: 1\r\n\r\n");
    expect(header.mboxFrom).toEqual({ start: 0, end: 35 });
    expect(header.fields.map(({ name }) => name)).toEqual(["A"]);
    expect(names("From : a@x\r\nA: 1\r\n\r\n")).toEqual(["From", "A"]);
    expect(parse(">From a@x Tue Nov 24 08:00:00 2026\nA: 1\n\n").mboxFrom).toBeDefined();
  });

  it("keeps fields below a line that is none", () => {
    expect(names("A: 1\r\n“broken line\r\nmore of it\r\nEnvelope-To: a@x\r\n\r\n")).toEqual([
      "A",
      "(junk)",
      "(junk)",
      "Envelope-To",
    ]);
    expect(names("+OK message follows\r\nEnvelope-To: a@x\r\n\r\n")).toEqual(["(junk)", "Envelope-To"]);
    expect(parse("A: 1\r\njunk\r\nB: 2\r\n\r\n").irregular).toBe(true);
  });

  it("ends where nothing but text follows", () => {
    const text = "A: 1\r\nHello Bob,\r\nhow are you\r\n\r\nB: 2\r\n";
    const header = parse(text);
    expect(header.fields.map(({ name }) => name)).toEqual(["A"]);
    expect(text.slice(header.bodyStart)).toBe("Hello Bob,\r\nhow are you\r\n\r\nB: 2\r\n");
    expect(header).toMatchObject({ complete: true, irregular: true });
  });

  it.each([
    ["empty", "", 0, false],
    ["an empty line only", "\r\n", 2, true],
    ["body without header", "\r\nbody", 2, true],
    ["text without header", "Hello,\r\nworld\r\n", 0, true],
    ["header without body", "A: 1\r\n\r\n", 8, true],
    ["header without its end", "A: 1\r\n", 6, false],
    ["cut in mid-line", "A: 1\r\nB", 6, true],
  ])("bears: %s", (_, text, bodyStart, complete) => {
    expect(parse(text)).toMatchObject({ bodyStart, complete });
  });

  it("marks a line of white space inside as something parsers disagree on", () => {
    const header = parse("A: 1\r\n \t\r\nB: 2\r\n\r\n");
    expect(header.fields.map(({ name }) => name)).toEqual(["A", "B"]);
    expect(header.irregular).toBe(true);
  });

  it("reads 8-bit values as UTF-8 where they are, and as ISO 8859-1 elsewhere; NUL passes", () => {
    expect(parseHeaderBlock(Buffer.from("A: Müller\r\n\r\n")).fields[0]?.value).toBe("Müller");
    expect(parse("A: M\xfcller\r\n\r\n").fields[0]?.value).toBe("Müller");
    expect(parse("A: a\0b\r\n\r\n").fields[0]?.value).toBe("a\0b");
    expect(names("A\0B: 1\r\nC: 2\r\n\r\n")).toEqual(["(junk)", "C"]);
  });

  it("accepts white space before the colon (RFC 5322 §4.5) and an empty value", () => {
    expect(parse("Bcc \t: a@x\r\nX:\r\n\r\n").fields.map(({ lower, value }) => `${lower}=${value}`)).toEqual([
      "bcc=a@x",
      "x=",
    ]);
  });

  it.each([
    ["many fields", "A: 1\r\n".repeat(170_000)],
    ["one long field", `A: ${"x".repeat(1_000_000)}\r\n`],
    ["one field folded often", `A: 1\r\n${" 2\r\n".repeat(250_000)}`],
    ["CR only", "\r".repeat(1_000_000)],
    ["junk only below a field", `A: 1\r\n${"x\r\n".repeat(300_000)}`],
  ])("reads a megabyte: %s", (_, text) => {
    const header = parse(`${text}\r\nbody`);
    expect(header.fields.every(({ value }) => typeof value === "string")).toBe(true);
  });
});
