/** A notice as a message: whatever it says, its octets are a plain and safe RFC 5322 message. */
import fc from "fast-check";
import { simpleParser } from "mailparser";
import { expect, test } from "vitest";
import { mustAddress } from "../../src/core/address.ts";
import { noticeMail } from "../../src/notice/notice-mail.ts";

const at = Date.UTC(2026, 10, 24, 8, 5, 9);
const postmaster = mustAddress("postmaster@firma.example");

function mail(subject: string, text: string, to = postmaster): Buffer {
  return noticeMail({ to, hostname: "popgate.firma.example", subject, text, at, id: "0123456789BCDF" });
}

test("the header", async () => {
  const raw = mail("popgate: Grüße", "x\n");
  const parsed = await simpleParser(raw);
  expect(parsed.subject).toBe("popgate: Grüße");
  expect(parsed.date?.getTime()).toBe(at);
  expect(parsed.messageId).toBe("<0123456789BCDF.notice@popgate.firma.example>");
  expect(parsed.from?.value[0]?.address).toBe("mailer-daemon@popgate.firma.example");
  expect(parsed.headers.get("auto-submitted")).toBe("auto-generated");
  expect(raw.toString("latin1")).toMatch(/^Date: Tue, 24 Nov 2026 08:05:09 \+0000\r$/mu);
});

test("any subject and any text: the same fields, ASCII, short lines, and what was said", async () => {
  const names = mail("", "")
    .toString()
    .split("\r\n\r\n")[0]
    ?.match(/^[\w-]+(?=:)/gmu);
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: "grapheme", maxLength: 300 }),
      fc.string({ unit: "binary" }),
      async (one, text) => {
        const subject = `popgate: ${one.replace(/\s+/gu, " ")}.`;
        const raw = mail(subject, text.toWellFormed());
        const [header = "", ...body] = raw.toString("latin1").split("\r\n\r\n");
        expect(header.match(/^[\w-]+(?=:)/gmu)).toEqual(names);
        expect(raw.toString("latin1")).toMatch(/^[\r\n\x20-\x7e]*$/u);
        for (const line of raw.toString("latin1").split("\r\n")) expect(line.length).toBeLessThanOrEqual(78);
        const said = Buffer.from(body.join(""), "base64").toString("utf8");
        expect(said).toBe(text.toWellFormed().replaceAll("\n", "\r\n"));
        expect((await simpleParser(raw)).subject).toBe(subject.toWellFormed());
      },
    ),
    { numRuns: 200 },
  );
});

test.each(["a\r\nBcc: all@else.example", "a\nb", "\u0000", "ü\r\nBcc: all@else.example"])(
  "a subject of %j adds no field",
  (subject) => {
    const header = mail(subject, "").toString("latin1").split("\r\n\r\n")[0];
    expect(header).not.toMatch(/^Bcc:/mu);
    expect(header).not.toMatch(/[^\r]\n|\u0000/u);
  },
);

test("a postmaster whose address is not ASCII is named as he is (RFC 6532)", async () => {
  const raw = mail("x", "y", mustAddress("postmeister-köln@firma.example"));
  expect(raw.toString("utf8")).toContain("To: postmeister-köln@firma.example\r\n");
});
