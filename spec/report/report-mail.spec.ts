/** A report as a message: every kind in every language, the machine's part field by field, and whatever hostile text does. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { mustAddress } from "../../src/core/address.ts";
import { deliveryReport } from "../../src/report/report-mail.ts";
import type { Happening, ReportLanguage } from "../../src/report/report-facts.ts";
import { facts, original, readReport, recipient, refusedConnection, replied } from "./fixtures.ts";

const relayed: Happening = { kind: "relayed", reply: { code: 250, enhanced: "2.0.0", text: "queued as 4711" } };
const delayed: Happening = { kind: "delayed", cause: refusedConnection };

const kinds = [
  ["failed", recipient().happening, "failed", "5.1.1", "smtp; 550 5.1.1 No such user here"],
  ["failed", { kind: "expired", cause: refusedConnection }, "failed", "5.4.7", /^x-popgate; connect: .*ECONNREFUSED/u],
  ["delayed", delayed, "delayed", "4.4.1", /^x-popgate; connect: /u],
  ["relayed", relayed, "relayed", "2.0.0", "smtp; 250 2.0.0 queued as 4711"],
] as const;
const languages = ["de", "en", "both"] as const;
const titles: Readonly<Record<ReportLanguage, Readonly<Record<string, string>>>> = {
  de: { failed: "Unzustellbar", delayed: "Verzögert", relayed: "Weitergegeben" },
  en: { failed: "Undeliverable", delayed: "Delayed", relayed: "Relayed" },
  both: { failed: "Unzustellbar / Undeliverable", delayed: "Verzögert / Delayed", relayed: "Weitergegeben / Relayed" },
};
const table = kinds.flatMap((row) => languages.map((language) => [...row, language] as const));

describe("every kind in every language", () => {
  test.each(table)("%s, %o, as %s %s", async (kind, happening, action, status, diagnostic, language) => {
    const raw = deliveryReport(facts({ kind, language, recipients: [recipient({ happening })] }));
    const { header, parts, status: blocks, text, mail } = await readReport(raw);
    expect(header).toMatch(/^From: \w[\w ]+ <MAILER-DAEMON@mail\.firma\.example>\r$/mu);
    expect(header).toContain("To: anna@firma.example\r\n");
    expect(mail.subject).toBe(`${titles[language][kind]}: Angebot für Köln`);
    expect(header).toContain("Date: Tue, 24 Nov 2026 08:05:09 +0000\r\n");
    expect(mail.messageId).toBe("<1123456789BCDF.report@mail.firma.example>");
    expect(mail.inReplyTo).toBe("<brief@firma.example>");
    expect(mail.references).toBe("<brief@firma.example>");
    expect(header).toContain("Auto-Submitted: auto-replied\r\n");
    expect(header).toContain("MIME-Version: 1.0\r\n");
    expect(header).toMatch(/^Content-Type: multipart\/report; report-type=delivery-status;\r$/mu);
    expect(parts.map(({ type }) => type)).toEqual([
      "text/plain; charset=utf-8",
      "message/delivery-status",
      "text/rfc822-headers",
    ]);
    const [message, one, ...others] = blocks;
    expect(message).toEqual({
      "Reporting-MTA": "dns; mail.firma.example",
      "Arrival-Date": "Tue, 24 Nov 2026 08:04:09 +0000",
    });
    expect(others).toEqual([]);
    expect(one).toEqual({
      "Final-Recipient": "rfc822; kunde@else.example",
      Action: action,
      Status: status,
      "Remote-MTA": "dns; smtp.provider.example",
      "Diagnostic-Code": expect.stringMatching(diagnostic) as string,
      "Last-Attempt-Date": "Tue, 24 Nov 2026 08:05:04 +0000",
      ...(kind === "delayed" ? { "Will-Retry-Until": "Sun, 29 Nov 2026 08:04:09 +0000" } : {}),
    });
    for (const word of ["kunde@else.example", "0123456789BCDF", "Angebot für Köln", "postmaster@firma.example"])
      expect(text).toContain(word);
    expect(text.includes("Ihre Nachricht")).toBe(language !== "en");
    expect(text.includes("Your message")).toBe(language !== "de");
    expect(raw.toString("latin1")).toMatch(/^[\r\n\x20-\x7e]*$/u);
  });
});

test("a failure says why in plain words, gives the server's own, and what to do", async () => {
  const { text } = await readReport(deliveryReport(facts({ language: "both" })));
  const [german = "", english = ""] = text.split("-".repeat(60));
  expect(german).toContain("Grund: Diese Adresse ist beim Empfänger nicht bekannt.");
  expect(german).toContain("Was Sie tun können: Prüfen Sie die Schreibweise.");
  expect(german).toContain("Antwort von smtp.provider.example:\r\n    550 5.1.1 No such user here");
  expect(german).toContain("24. November 2026");
  expect(german).toContain("09:04 MEZ");
  expect(english).toContain("Reason: This address is not known at the recipient's side.");
  expect(english).toContain("What you can do: Check the spelling.");
  expect(english).toContain("Answer of smtp.provider.example:\r\n    550 5.1.1 No such user here");
});

test("a delay says that nothing is to be done, and until when it will be tried", async () => {
  const recipients = [recipient({ happening: delayed })] as const;
  const { text } = await readReport(deliveryReport(facts({ kind: "delayed", language: "both", recipients })));
  expect(text).toContain("Sie müssen nichts tun");
  expect(text).toContain("29. November 2026 um 09:04 MEZ");
  expect(text).toContain("There is nothing you need to do");
  expect(text).toContain("29 November 2026 at 09:04 CET");
  expect(text).not.toMatch(/What you can do|Was Sie tun können/u);
});

test("a delay of what has not come to an attempt has no diagnostic code", async () => {
  const happening: Happening = { kind: "delayed", cause: undefined };
  const recipients = [recipient({ happening, remote: undefined, lastAttemptAt: undefined })] as const;
  const { status } = await readReport(deliveryReport(facts({ kind: "delayed", recipients })));
  expect(Object.keys(status[1] ?? {})).toEqual(["Final-Recipient", "Action", "Status", "Will-Retry-Until"]);
});

test("a message that is too large is told with both sizes", async () => {
  const cause = { kind: "size", limit: 20_000_000, size: 31_500_000 } as const;
  const recipients = [recipient({ happening: { kind: "bounced", cause } })] as const;
  const { text, status } = await readReport(deliveryReport(facts({ language: "both", recipients })));
  expect(text).toContain("(Sie hat 31,5 MB, erlaubt sind 20,0 MB.)");
  expect(text).toContain("(It has 31.5 MB, and 20.0 MB are allowed.)");
  expect(status[1]).toMatchObject({ Status: "5.3.4" });
});

test("what went wrong within popgate is not told to senders", async () => {
  const cause = { kind: "internal", message: "/var/lib/popgate: secret" } as const;
  const raw = deliveryReport(facts({ recipients: [recipient({ happening: { kind: "bounced", cause } })] }));
  const { text, status } = await readReport(raw);
  expect(text).not.toContain("secret");
  expect(status[1]?.["Diagnostic-Code"]).toBeUndefined();
});

describe("the sender's own marks", () => {
  test("ENVID and ORCPT come back decoded", async () => {
    const recipients = [recipient({ orcpt: "rfc822;Kunde+liste@else.example" })] as const;
    const raw = deliveryReport(facts({ original: original({ envid: "QQ 314+159=26" }), recipients }));
    const { status } = await readReport(raw);
    expect(status[0]["Original-Envelope-Id"]).toBe("QQ 314+159=26");
    expect(status[1]?.["Original-Recipient"]).toBe("rfc822; Kunde+liste@else.example");
  });

  test.each(["a\r\nX-Evil: 1", "\u0000", "", " ", "x".repeat(5_000), "ä\u2028b"])(
    "ENVID and ORCPT that cannot be given back are left out: %j",
    async (text) => {
      const recipients = [recipient({ orcpt: `rfc822;${text}` })] as const;
      const { status } = await readReport(deliveryReport(facts({ original: original({ envid: text }), recipients })));
      expect(status[0]["Original-Envelope-Id"]).toBeUndefined();
      expect(status[1]?.["Original-Recipient"]).toBeUndefined();
    },
  );

  test.each([
    "",
    "brief@firma.example",
    "<a b>",
    "<a\r\nBcc: x@y.example>",
    "<ü@firma.example>",
    `<${"x".repeat(2_000)}>`,
  ])("a Message-ID that is none is not referred to: %j", async (messageId) => {
    const { header } = await readReport(deliveryReport(facts({ original: original({ messageId }) })));
    expect(header).not.toMatch(/^(?:In-Reply-To|References|Bcc):/mu);
  });
});

describe("several recipients", () => {
  test("those who fared alike are told of together, and all are in the machine's part, in order", async () => {
    const addresses = Array.from({ length: 300 }, (_, index) => mustAddress(`u${index}@else.example`));
    const [first, ...rest] = addresses.map((address) => recipient({ address }));
    if (first === undefined) throw new Error("none");
    const raw = deliveryReport(facts({ recipients: [first, ...rest], original: original({ recipients: 301 }) }));
    const { text, status } = await readReport(raw);
    expect(text).toContain("an die folgenden 300 Empfänger");
    expect(text.match(/Grund:/gu)).toHaveLength(1);
    expect(text).toContain("u0@else.example\r\nu1@else.example\r\n");
    expect(text).toContain("… und 100 weitere");
    expect(text).toContain("Um einen weiteren Empfänger der Nachricht geht es in diesem Bericht nicht.");
    expect(status.slice(1).map((block) => block["Final-Recipient"])).toEqual(
      addresses.map((address) => `rfc822; ${address}`),
    );
  });

  test("a thousand with words of their own do not make an endless text", async () => {
    const [first, ...rest] = Array.from({ length: 1_000 }, (_, index) => {
      const cause = replied(550, "5.1.1", `<u${index}@else.example>: unknown`);
      return recipient({ address: mustAddress(`u${index}@else.example`), happening: { kind: "bounced", cause } });
    });
    if (first === undefined) throw new Error("none");
    const { text, status } = await readReport(deliveryReport(facts({ recipients: [first, ...rest] })));
    expect(text.match(/Grund:/gu)).toHaveLength(100);
    expect(text).toContain("… und 900 weitere");
    expect(status).toHaveLength(1_001);
  });
});

describe("addresses that are not ASCII (RFC 6533)", () => {
  const recipients = [
    recipient({ address: mustAddress("用户@else.example"), orcpt: "utf-8;jürgen@else.example" }),
    recipient({ happening: { kind: "bounced", cause: replied(550, "5.1.1", "unbekannt: Jürgen") } }),
  ] as const;

  test("make the global variant, and still a report in ASCII", async () => {
    const raw = deliveryReport(facts({ recipients }));
    const { parts, status } = await readReport(raw);
    expect(parts[1]?.type).toBe("message/global-delivery-status");
    expect(status[1]).toMatchObject({
      "Final-Recipient": "utf-8; 用户@else.example",
      "Original-Recipient": "utf-8; jürgen@else.example",
    });
    expect(status[2]).toMatchObject({
      "Final-Recipient": "rfc822; kunde@else.example",
      "Diagnostic-Code": "smtp; 550 5.1.1 unbekannt: Jürgen",
    });
    expect(raw.toString("latin1")).toMatch(/^[\r\n\x20-\x7e]*$/u);
  });

  test("words of a server that are not ASCII do not", async () => {
    const { parts, status, text } = await readReport(deliveryReport(facts({ recipients: [recipients[1]] })));
    expect(parts[1]?.type).toBe("message/delivery-status");
    expect(status[1]?.["Diagnostic-Code"]).toBe("smtp; 550 5.1.1 unbekannt: J?rgen");
    expect(text).toContain("unbekannt: Jürgen");
  });

  test("a sender is named as he is", () => {
    const raw = deliveryReport(facts({ to: mustAddress("jürgen@firma.example") }));
    expect(raw.toString("utf8")).toContain("To: jürgen@firma.example\r\n");
  });
});

describe("hostile text", () => {
  const names = (header: string): string[] => header.match(/^[\w-]+(?=:)/gmu) ?? [];

  test("whatever subject, reply and ids hold: the same header fields, parts and blocks, no line too long", async () => {
    const plainNames = names((await readReport(deliveryReport(facts()))).header);
    const hostile = fc.oneof(
      fc.string({ unit: "binary", maxLength: 400 }),
      fc.string({ unit: "grapheme", maxLength: 400 }),
      fc.constantFrom("\r\nBcc: all@else.example", "\r\n\r\n--=_1123456789BCDF.0--\r\n", "\r\n.\r\n", "=?utf-8?Q?x?="),
      fc.nat(3_000).map((length) => "x".repeat(length)),
    );
    await fc.assert(
      fc.asyncProperty(hostile, hostile, hostile, hostile, async (subject, reply, envid, orcpt) => {
        const cause = replied(550, "5.7.1", reply);
        const raw = deliveryReport(
          facts({
            language: "both",
            original: original({ subject, envid }),
            recipients: [recipient({ orcpt: `rfc822;${orcpt}`, happening: { kind: "bounced", cause } })],
          }),
        );
        const report = await readReport(raw);
        expect(names(report.header)).toEqual(plainNames);
        expect(report.parts).toHaveLength(3);
        expect(report.status).toHaveLength(2);
        expect(raw.toString("latin1")).not.toMatch(/\r(?!\n)|(?<!\r)\n|\u0000/u);
        for (const line of raw.toString("latin1").split("\r\n")) expect(line.length).toBeLessThanOrEqual(998);
        expect(report.text).not.toMatch(/[\p{Bidi_Control}\u0000-\u0009\u000b\u000c\u000e-\u001f]/u);
      }),
      { numRuns: 80 },
    );
  });

  test("a boundary in what is returned is not the boundary", async () => {
    const octets = Buffer.from("Subject: x\r\n\r\n--=_1123456789BCDF.0\r\n--=_1123456789BCDF.0--\r\n");
    const { parts } = await readReport(deliveryReport(facts({ returned: { kind: "message", octets } })));
    expect(parts).toHaveLength(3);
    expect(parts[2]?.content).toEqual(octets);
  });

  test("a reply of many long lines is given line by line, within bounds", async () => {
    const text = Array.from({ length: 50 }, (_, index) => `line ${index} ${"y".repeat(2_000)}`).join("\n");
    const recipients = [recipient({ happening: { kind: "bounced", cause: replied(550, "5.7.1", text) } })] as const;
    const report = await readReport(deliveryReport(facts({ recipients })));
    expect(report.text.match(/^ {4}550 5\.7\.1 line/gmu)).toHaveLength(10);
    expect(report.status[1]?.["Diagnostic-Code"]?.length).toBeLessThan(1_000);
  });
});

test("REQUIRETLS: neither subject nor identifier of the original is told (RFC 8689)", async () => {
  const secret = original({ confidential: true, subject: "Übernahme" });
  const { header, text, mail } = await readReport(
    deliveryReport(facts({ original: secret, returned: { kind: "none" } })),
  );
  expect(mail.subject).toBe("Unzustellbar");
  expect(header).not.toContain("brief@firma.example");
  expect(text).not.toContain("Übernahme");
});

test("the times of people are in their time zone, those of programs in UTC", async () => {
  const { text } = await readReport(deliveryReport(facts({ timeZone: "America/New_York", language: "en" })));
  expect(text).toContain("24 November 2026 at 03:04 GMT-5");
});
