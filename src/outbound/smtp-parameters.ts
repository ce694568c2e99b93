/**
 * What stands behind the path of MAIL and RCPT. Pure and strict: a parameter that is unknown, comes twice, or has a
 * value that cannot be, refuses the command. Half-understood wishes would be forgotten on the way.
 *
 * MAIL: SIZE (RFC 1870 §3), BODY (RFC 6152 §3; BINARYMIME is not offered), SMTPUTF8 (RFC 6531 §3.4), RET and ENVID
 * (RFC 3461 §4.3, §4.4), REQUIRETLS (RFC 8689 §2), AUTH (RFC 4954 §5: read, and forgotten, as it may be).
 * RCPT: NOTIFY and ORCPT (RFC 3461 §4.1, §4.2; address types of RFC 6533 §3).
 */
import type { ReversePath } from "../core/address.ts";
import type { DsnWishes } from "../spool/record.ts";
import type { MailRequest, SmtpAnswer } from "./port.ts";
import { answers } from "./smtp-answers.ts";
import type { Parsed } from "./smtp-path.ts";
import { decodeXtext } from "./smtp-xtext.ts";

/** RFC 3461 §4.4: before it is encoded. */
const maxEnvidOctets = 100;
/** RFC 3461 §4.2 says 500; the long addresses that Exchange writes for X.400 and fax recipients need more. */
const maxOrcptOctets = 1000;

export type MailParameters = Omit<MailRequest, "reversePath">;

type Values = ReadonlyMap<string, string | undefined>;

/** `secure`: the connection is encrypted. */
export function parseMailParameters(parameters: readonly string[], secure: boolean): Parsed<MailParameters> {
  const parsed = readParameters(parameters, mailKeywords);
  if (parsed.kind === "bad") return parsed;
  const values = parsed.value;
  const size = values.get("SIZE");
  if (size !== undefined && !/^\d{1,20}$/u.test(size)) return malformed("SIZE");
  const body = values.get("BODY")?.toUpperCase();
  if (body !== undefined && body !== "7BIT" && body !== "8BITMIME") return malformed("BODY");
  const ret = values.get("RET")?.toUpperCase();
  if (ret !== undefined && ret !== "FULL" && ret !== "HDRS") return malformed("RET");
  const envid = decoded(values, "ENVID");
  if (envid === "bad" || (envid !== undefined && !isPrintable(envid.text, maxEnvidOctets))) return malformed("ENVID");
  if (decoded(values, "AUTH", "<>") === "bad") return malformed("AUTH");
  const requireTls = values.has("REQUIRETLS");
  if (requireTls && !secure) return { kind: "bad", answer: answers.requireTlsNeedsTls };
  return {
    kind: "ok",
    value: {
      size: size === undefined ? undefined : Number(size),
      body,
      smtpUtf8: values.has("SMTPUTF8"),
      requireTls,
      ret,
      envid: envid?.text,
    },
  };
}

/** What the sender wants to be told of this recipient; `undefined` when it says nothing about it. */
export function parseRecipientParameters(
  parameters: readonly string[],
  smtpUtf8: boolean,
): Parsed<DsnWishes | undefined> {
  const parsed = readParameters(parameters, recipientKeywords);
  if (parsed.kind === "bad") return parsed;
  const values = parsed.value;
  if (values.size === 0) return { kind: "ok", value: undefined };
  const notify = parseNotify(values.get("NOTIFY"));
  if (notify === undefined) return malformed("NOTIFY");
  const given = values.get("ORCPT");
  if (given === undefined) return { kind: "ok", value: { notify, orcpt: undefined } };
  const orcpt = parseOrcpt(given, smtpUtf8);
  return orcpt === undefined ? malformed("ORCPT") : { kind: "ok", value: { notify, orcpt } };
}

/** Of a whole request. */
export function mailRequest(reversePath: ReversePath, parameters: MailParameters): MailRequest {
  return { reversePath, ...parameters };
}

/** `value`: must have one; `flag`: must have none. */
type Keywords = ReadonlyMap<string, "value" | "flag">;

const mailKeywords: Keywords = new Map([
  ["SIZE", "value"],
  ["BODY", "value"],
  ["SMTPUTF8", "flag"],
  ["RET", "value"],
  ["ENVID", "value"],
  ["REQUIRETLS", "flag"],
  ["AUTH", "value"],
]);

const recipientKeywords: Keywords = new Map([
  ["NOTIFY", "value"],
  ["ORCPT", "value"],
]);

function readParameters(parameters: readonly string[], keywords: Keywords): Parsed<Values> {
  const values = new Map<string, string | undefined>();
  for (const parameter of parameters) {
    const equals = parameter.indexOf("=");
    const keyword = (equals < 0 ? parameter : parameter.slice(0, equals)).toUpperCase();
    const value = equals < 0 ? undefined : parameter.slice(equals + 1);
    const kind = keywords.get(keyword);
    // RFC 5321 §4.1.1.11: 555.
    if (kind === undefined) return bad(555, `Parameter ${keyword.slice(0, 40)} is not known`);
    if (values.has(keyword)) return bad(501, `Parameter ${keyword} comes twice`);
    if (kind === "value" ? value === undefined || value === "" : value !== undefined) return malformed(keyword);
    values.set(keyword, value);
  }
  return { kind: "ok", value: values };
}

const notifyWords = new Set(["NEVER", "SUCCESS", "FAILURE", "DELAY"] as const);
type NotifyWord = DsnWishes["notify"][number];

/** RFC 3461 §4.1: NEVER stands alone. */
function parseNotify(value: string | undefined): readonly NotifyWord[] | undefined {
  if (value === undefined) return [];
  const words = new Set<NotifyWord>();
  for (const text of value.toUpperCase().split(",")) {
    const word = [...notifyWords].find((known) => known === text);
    if (word === undefined) return undefined;
    words.add(word);
  }
  return words.has("NEVER") && words.size > 1 ? undefined : [...words];
}

/** `type;address`, the address decoded. RFC 6533 §3: with SMTPUTF8 an address of type utf-8 may stand there as it is. */
function parseOrcpt(value: string, smtpUtf8: boolean): string | undefined {
  const [, type, encoded] = /^([A-Za-z0-9][A-Za-z0-9-]*);(.+)$/u.exec(value) ?? [];
  if (type === undefined || encoded === undefined) return undefined;
  const isUtf8 = type.toLowerCase() === "utf-8";
  const asItIs = isUtf8 && smtpUtf8 && /[^\p{ASCII}]/u.test(encoded);
  const address = asItIs ? encoded : decodeXtext(encoded);
  if (address === undefined || Buffer.byteLength(address) > maxOrcptOctets) return undefined;
  if (isUtf8 || isPrintable(address, maxOrcptOctets)) return `${type};${address}`;
  // Postfix 3.7 writes an international address as rfc822. Refused, the recipient would be lost for a wrong label.
  return smtpUtf8 && type.toLowerCase() === "rfc822" ? `utf-8;${address}` : undefined;
}

function decoded(values: Values, keyword: string, literal?: string): { readonly text: string } | "bad" | undefined {
  const value = values.get(keyword);
  if (value === undefined) return undefined;
  if (value === literal) return { text: value };
  const text = decodeXtext(value);
  return text === undefined ? "bad" : { text };
}

function isPrintable(text: string, maxOctets: number): boolean {
  return text.length <= maxOctets && /^[ -~]+$/u.test(text);
}

function malformed(keyword: string): Parsed<never> {
  return bad(501, `Parameter ${keyword} cannot be read`);
}

function bad(code: number, text: string): Parsed<never> {
  const answer: SmtpAnswer = { code, enhanced: "5.5.4", text };
  return { kind: "bad", answer };
}
