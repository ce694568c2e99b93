/**
 * MAIL and RCPT taken apart: path, address, parameters, xtext and ORCPT.
 *
 * Holds: an address that is taken is one for SMTP, ASCII unless SMTPUTF8 was asked for, and is read again as the same;
 * what is decoded has no control characters and is what was encoded; an answer is one line of ASCII.
 */
import { formatReversePath, mustAddress, needsSmtpUtf8, type Address } from "../../../src/core/address.ts";
import type { SmtpAnswer } from "../../../src/outbound/port.ts";
import { formatAnswer } from "../../../src/outbound/smtp-answers.ts";
import { parseMailParameters, parseRecipientParameters } from "../../../src/outbound/smtp-parameters.ts";
import { parseRecipient, parseSender, splitPath } from "../../../src/outbound/smtp-path.ts";
import { decodeXtext, utf8Text } from "../../../src/outbound/smtp-xtext.ts";
import { hold, type Target } from "../target.ts";

const postmaster = mustAddress("post@firma.example");
const controls = /[\p{Cc}\p{Zl}\p{Zp}]/u;

function checkAnswer(answer: SmtpAnswer): void {
  const line = formatAnswer(answer);
  hold(/^[45]\d\d 5\.\d\.\d{1,2} [ -~]+\r\n$/u.test(line), "an answer that is no line", line);
  hold(line.length <= 512, "an answer that is too long", line.length);
}

function checkAddress(address: Address, smtpUtf8: boolean): void {
  hold(!controls.test(address), "a control character in an address", address);
  hold(smtpUtf8 || !needsSmtpUtf8(address), "an address outside ASCII without SMTPUTF8", address);
  const line = `TO:${formatReversePath({ kind: "address", address })} ORCPT=rfc822;a`;
  const again = splitPath(line, "TO");
  hold(again !== undefined && again.parameters.length === 1, "a path that is not found again", address);
  const parsed = parseRecipient(again.path, smtpUtf8, postmaster);
  hold(parsed.kind === "ok" && parsed.value === address, "an address that is not read again", address);
}

function checkPath(text: string, keyword: "FROM" | "TO", smtpUtf8: boolean): readonly string[] {
  const line = splitPath(text, keyword);
  if (line === undefined) return [];
  const parsed =
    keyword === "FROM" ? parseSender(line.path, smtpUtf8) : parseRecipient(line.path, smtpUtf8, postmaster);
  if (parsed.kind === "bad") checkAnswer(parsed.answer);
  else if (typeof parsed.value === "string") checkAddress(parsed.value, smtpUtf8);
  else if (parsed.value.kind === "address") checkAddress(parsed.value.address, smtpUtf8);
  return line.parameters;
}

function checkMail(parameters: readonly string[]): void {
  const parsed = parseMailParameters(parameters, true);
  if (parsed.kind === "bad") return checkAnswer(parsed.answer);
  const { size, envid } = parsed.value;
  hold(size === undefined || size >= 0, "a size that cannot be");
  hold(envid === undefined || /^[ -~]{1,100}$/u.test(envid), "an ENVID that cannot travel", envid);
  // What cannot be had in the clear is refused there.
  const plain = parseMailParameters(parameters, false);
  hold((plain.kind === "bad") === parsed.value.requireTls, "REQUIRETLS is taken in the clear");
}

function checkRcpt(parameters: readonly string[], smtpUtf8: boolean): void {
  const parsed = parseRecipientParameters(parameters, smtpUtf8);
  if (parsed.kind === "bad") return checkAnswer(parsed.answer);
  if (parsed.value === undefined) return;
  const { notify, orcpt } = parsed.value;
  hold(!notify.includes("NEVER") || notify.length === 1, "NEVER beside something else", notify);
  hold(orcpt === undefined || !controls.test(orcpt), "a control character in ORCPT", orcpt);
  hold(orcpt === undefined || /^[A-Za-z0-9-]+;./u.test(orcpt), "ORCPT without type or address", orcpt);
}

function checkXtext(text: string): void {
  const decoded = decodeXtext(text);
  hold(decoded === undefined || !controls.test(decoded), "a control character comes out of xtext", decoded);
  if (controls.test(text) || !text.isWellFormed()) return;
  const encoded = [...Buffer.from(text)]
    .map((octet) =>
      octet > 0x20 && octet < 0x7f && octet !== 0x2b && octet !== 0x3d
        ? String.fromCharCode(octet)
        : `+${octet.toString(16).padStart(2, "0")}`,
    )
    .join("");
  hold(decodeXtext(encoded) === text, "xtext is read as something else", text);
}

function run(input: Buffer): void {
  const text = utf8Text(input.subarray(1));
  if (text === undefined) return;
  const smtpUtf8 = ((input[0] ?? 0) & 1) === 1;
  checkMail(checkPath(text, "FROM", smtpUtf8));
  checkRcpt(checkPath(text, "TO", smtpUtf8), smtpUtf8);
  const words = text.split(" ");
  checkMail(words);
  checkRcpt(words, smtpUtf8);
  for (const word of words.slice(0, 10)) checkXtext(word);
}

export const target: Target = {
  name: "smtp-command",
  maxOctets: 1200,
  dictionary: [
    "FROM:<",
    "TO:<",
    "> ",
    "@b.example",
    "SIZE=",
    "BODY=8BITMIME",
    "RET=HDRS",
    "ENVID=",
    "NOTIFY=SUCCESS,DELAY",
    "ORCPT=rfc822;",
    "ORCPT=utf-8;",
    "+2B",
    "+C3+A4",
    '"',
    "\\",
  ],
  seeds: [
    "\0FROM:<a@b.example> SIZE=1000 BODY=8BITMIME RET=HDRS ENVID=QQ+2B1 AUTH=<> REQUIRETLS",
    "\0TO:<c@d.example> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;c+40d.example",
    "\x01TO:<jörg@müller.example> ORCPT=utf-8;jörg@müller.example NOTIFY=NEVER",
    "\x01FROM:<> SMTPUTF8 ENVID=+C3+A4",
    '\0TO:<"a b\\"c"@d.example> ORCPT=rfc822;+C3+A4',
    "\0TO:<Postmaster>",
  ].map((text) => Buffer.from(text)),
  work: { perOctet: 300, fixed: 8000 },
  run,
};
