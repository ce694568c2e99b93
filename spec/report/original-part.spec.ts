/** What of the original goes back: header or all of it, in a form that may travel. */
import { describe, expect, test } from "vitest";
import { SpoolError } from "../../src/spool/port.ts";
import { fullAtMost, originalPart, readOriginal } from "../../src/report/original-part.ts";
import { deliveryReport } from "../../src/report/report-mail.ts";
import { facts, readReport } from "./fixtures.ts";

async function* chunks(...texts: readonly (string | Buffer | Error)[]): AsyncGenerator<Buffer> {
  for (const text of texts) {
    if (text instanceof Error) throw text;
    yield typeof text === "string" ? Buffer.from(text, "latin1") : text;
  }
}

const damaged = new SpoolError("SPOOL_DAMAGED", "its digest does not agree");
const header = "Subject: x\r\nFrom: a@b.example\r\n";

describe("reading", () => {
  test("the header, without the blank line and what follows", async () => {
    const returned = await readOriginal(chunks("Subject: x\r\nFrom: a@b", ".example\r\n\r\nbody\r\n"), "headers");
    expect(returned).toEqual({ kind: "headers", octets: Buffer.from(header) });
  });

  test("all of it, octet for octet", async () => {
    const returned = await readOriginal(chunks(header, "\r\nbody\r\n"), "message");
    expect(returned).toEqual({ kind: "message", octets: Buffer.from(`${header}\r\nbody\r\n`) });
  });

  test.each([
    ["too large", [`${header}\r\n`, "x\r\n".repeat(fullAtMost / 2)]],
    ["with a NUL", [`${header}\r\nbo\0dy\r\n`]],
    ["with a line that SMTP cannot carry", [`${header}\r\n${"x".repeat(999)}\r\n`]],
    ["damaged at the end", [`${header}\r\nbody`, damaged]],
  ])("a message %s comes back as its header", async (_, texts) => {
    expect(await readOriginal(chunks(...texts), "message")).toEqual({ kind: "headers", octets: Buffer.from(header) });
  });

  test.each([
    ["of which nothing can be read", [damaged]],
    ["without a header", ["\r\nbody\r\n"]],
    ["that is empty", []],
  ])("of a message %s nothing comes back as header", async (_, texts) => {
    expect(await readOriginal(chunks(...texts), "headers")).toEqual({ kind: "none" });
  });

  test("a header without end is cut behind a whole line", async () => {
    const returned = await readOriginal(chunks("X-Filler: 12345\r\n".repeat(20_000)), "headers");
    if (returned.kind !== "headers") throw new Error(returned.kind);
    expect(returned.octets.length).toBeGreaterThan(130_000);
    expect(returned.octets.length).toBeLessThanOrEqual(128 * 1024);
    expect(returned.octets.toString()).toMatch(/^(?:X-Filler: 12345\r\n)+$/u);
  });

  test("what is not damage goes through: nothing is reported with half a truth", async () => {
    const gone = new SpoolError("SPOOL_NO_MESSAGE", "it has gone");
    await expect(readOriginal(chunks(header, gone), "message")).rejects.toBe(gone);
  });

  test("150 MB: reading stops once it is clear that only the header comes back", async () => {
    let given = 0;
    async function* large(): AsyncGenerator<Buffer> {
      yield Buffer.from(`${header}\r\n`);
      for (; given < 600; given++) yield Buffer.alloc(256 * 1024, "0123456789\r\n");
    }
    expect(await readOriginal(large(), "message")).toMatchObject({ kind: "headers" });
    expect(given).toBeLessThan(8);
  });
});

const utf8 = Buffer.from("Subject: Grüße\r\nFrom: a@b.example\r\n");
const latin = Buffer.from("Subject: Gr\u00fc\u00dfe\r\n", "latin1");
const eightBitBody = Buffer.from(`${header}\r\nGrüße\r\n`);

test.each([
  ["an ASCII header", "headers", Buffer.from(header), "text/rfc822-headers", "7bit"],
  ["a header in UTF-8", "headers", utf8, "message/global-headers", "quoted-printable"],
  ["a header in ISO 8859-1", "headers", latin, "text/rfc822-headers", "quoted-printable"],
  [
    "a line that is too long",
    "headers",
    Buffer.from(`${header}X: ${"y".repeat(2_000)}\r\n`),
    "text/rfc822-headers",
    "quoted-printable",
  ],
  ["an ASCII message", "message", Buffer.from(`${header}\r\nbody\r\n`), "message/rfc822", "7bit"],
  ["a message with an 8-bit body", "message", eightBitBody, "message/rfc822", "8bit"],
  [
    "a message with a header in UTF-8",
    "message",
    Buffer.concat([utf8, Buffer.from("\r\nbody\r\n")]),
    "message/global",
    "base64",
  ],
  [
    "a message with a header in ISO 8859-1",
    "message",
    Buffer.concat([latin, Buffer.from("\r\nbody\r\n")]),
    "message/rfc822",
    "8bit",
  ],
] as const)("%s as a part, and whole again in the report", async (_, kind, octets, type, encoding) => {
  expect(originalPart({ kind, octets })).toMatchObject({ type, encoding });
  const report = await readReport(deliveryReport(facts({ returned: { kind, octets } })));
  expect(report.parts[2]).toMatchObject({ type, encoding, content: octets });
  // A multipart says what its parts need (RFC 2045 §6.4).
  expect(/^Content-Transfer-Encoding: 8bit$/mu.test(report.header)).toBe(encoding === "8bit");
});

test("without anything to return there are two parts, and nothing is said of an attachment", async () => {
  const { parts, text } = await readReport(deliveryReport(facts({ returned: { kind: "none" } })));
  expect(parts).toHaveLength(2);
  expect(text).not.toContain("angehängt");
});
