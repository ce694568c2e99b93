/** ORCPT of international addresses: the types of RFC 6533 §3, and what real servers write in place of them. */
import { expect, it } from "vitest";
import { parseRecipientParameters } from "../../src/outbound/smtp-parameters.ts";

function orcpt(value: string, smtpUtf8: boolean): string {
  const parsed = parseRecipientParameters([`ORCPT=${value}`], smtpUtf8);
  return parsed.kind === "ok" ? (parsed.value?.orcpt ?? "none") : String(parsed.answer.code);
}

it.each([
  ["rfc822;user+2Bbox@else.example", false, "rfc822;user+box@else.example"],
  ["utf-8;m+C3+BCller@else.example", true, "utf-8;müller@else.example"],
  ["utf-8;müller@else.example", true, "utf-8;müller@else.example"],
  ["utf-8;müller@else.example", false, "501"],
  // Postfix 3.7, for a recipient that came with SMTPUTF8.
  ["rfc822;m+C3+BCller@else.example", true, "utf-8;müller@else.example"],
  ["rfc822;m+C3+BCller@else.example", false, "501"],
  ["rfc822;m+0D+0Aller@else.example", true, "501"],
  ["rfc822;m+FCller@else.example", true, "501"],
  ["x400;m+C3+BCller", true, "501"],
])("%s, SMTPUTF8 %s: %s", (value, smtpUtf8, expected) => {
  expect(orcpt(value, smtpUtf8)).toBe(expected);
});
