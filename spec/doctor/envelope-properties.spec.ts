/** What holds of the envelope's judgement for any mail: every message is counted once, and no header makes it fail. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { weighChoices } from "../../src/doctor/envelope-choices.ts";
import { tellEnvelope } from "../../src/doctor/envelope-notes.ts";
import { surveyFields } from "../../src/doctor/field-survey.ts";
import { Notes } from "../../src/doctor/finding.ts";
import { parseHeaderBlock } from "../../src/message/header.ts";
import { collectorPolicy, profileByName } from "../../src/message/profiles.ts";

const own = { domains: ["firma.example"], limits: { maxReceived: 50, alsoRemove: [] }, hostname: "gw.firma.example" };
const exim = profileByName("exim");
if (exim === undefined) throw new Error("no profile of Exim");
const policy = collectorPolicy(exim, own);

const field = fc.oneof(
  fc
    .constantFrom("Envelope-To", "X-Original-To", "Delivered-To", "To", "Cc", "X-Whatever")
    .chain((name) =>
      fc
        .constantFrom(
          "anna@firma.example",
          "bernd@firma.example, chef@firma.example",
          "x@else.example",
          "",
          "<>",
          "(((",
          "a b",
        )
        .map((value) => `${name}: ${value}`),
    ),
  fc.constantFrom(
    "Received: from a by mx.provider.example; Tue, 24 Nov 2026 09:59:00 +0100",
    "Received: from a by other.example for <anna@firma.example>; x",
    "Subject: hello",
    "a line that is no field",
    "X-Spam-Flag: NO",
  ),
);
const header = fc
  .array(field, { maxLength: 12 })
  .map((lines) => parseHeaderBlock(Buffer.from(`${lines.join("\r\n")}\r\n\r\n`)));
const box = fc.array(header, { maxLength: 25 });

test("delivered, held and misdelivered are all the messages, for each choice", () => {
  fc.assert(
    fc.property(box, (headers) => {
      const surveys = surveyFields(headers, own.domains, new Set(["envelope-to"]));
      const configured = { name: "configured", policy, lines: [] };
      const choices = weighChoices(headers, policy, configured, surveys);
      for (const judged of [choices.configured, choices.best, ...choices.others]) {
        if (judged === undefined) continue;
        expect(judged.delivered + judged.held + judged.misdelivered).toBe(headers.length);
      }
      expect(choices.best?.misdelivered ?? 0).toBe(0);
    }),
    { numRuns: 60 },
  );
});

test("any box gives findings, none of them with a control character; the configured choice is named if there is mail", () => {
  fc.assert(
    fc.property(box, (headers) => {
      const notes = new Notes("account x");
      tellEnvelope(headers, policy, notes);
      expect(notes.findings.length).toBeGreaterThan(0);
      const words = notes.findings.map(({ what }) => what);
      for (const what of words) expect(what).not.toMatch(/\p{Cc}/u);
      if (headers.length > 0) expect(words.some((what) => what.startsWith("as configured"))).toBe(true);
    }),
    { numRuns: 60 },
  );
});
