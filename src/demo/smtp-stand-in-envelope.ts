/**
 * What the stand-in offers in EHLO, and how it reads the arguments of MAIL and RCPT (RFC 5321 §4.1.1.2, §4.1.1.3, §4.1.2):
 * strictly. A parameter counts only where its extension was offered; anything else is refused. Pure.
 */
import type { SmtpStandInKnobs } from "./smtp-stand-in-knobs.ts";

export type PathResult =
  | { readonly kind: "ok"; readonly address: string; readonly parameters: readonly string[] }
  | { readonly kind: "bad"; readonly line: string };

/** Lines of the reply to EHLO, without the first. */
export function offersOf(knobs: SmtpStandInKnobs, secured: boolean, canSecure: boolean): string[] {
  const withAuth = knobs.auth.length > 0 && (secured || !knobs.authNeedsTls);
  return [
    ...(knobs.size === undefined ? [] : [`SIZE ${knobs.size}`]),
    ...(knobs.pipelining ? ["PIPELINING"] : []),
    ...(knobs.dsn ? ["DSN"] : []),
    ...(knobs.enhancedStatusCodes ? ["ENHANCEDSTATUSCODES"] : []),
    ...(knobs.starttls && canSecure && !secured ? ["STARTTLS"] : []),
    ...(withAuth ? [`AUTH ${knobs.auth.join(" ")}`] : []),
    ...(knobs.eightBitMime ? ["8BITMIME"] : []),
    ...(knobs.smtpUtf8 ? ["SMTPUTF8"] : []),
    ...knobs.moreKeywords,
  ];
}

/** By extension: what it allows behind the path. */
const parametersOf: Readonly<Record<"FROM" | "TO", Readonly<Record<string, RegExp>>>> = {
  FROM: {
    SIZE: /^SIZE=\d{1,20}$/iu,
    "8BITMIME": /^BODY=(?:7BIT|8BITMIME)$/iu,
    SMTPUTF8: /^SMTPUTF8$/iu,
    DSN: /^(?:RET=(?:FULL|HDRS)|ENVID=[!-<>-~]+)$/iu,
    AUTH: /^AUTH=[!-<>-~]+$/iu,
    REQUIRETLS: /^REQUIRETLS$/iu,
  },
  TO: { DSN: /^(?:NOTIFY=(?:NEVER|(?:SUCCESS|FAILURE|DELAY)(?:,(?:SUCCESS|FAILURE|DELAY))*)|ORCPT=[!-<>-~]+)$/iu },
};

/** A path in angle brackets; a quoted local part may hold any of them. */
const path = /^<((?:"(?:[^"\\]|\\.)*"|[^"<>\s])*)>(?: (.*))?$/u;

/** `FROM:<…> parameters` or `TO:<…> parameters`. `offers`: keywords of the extensions offered to this client. */
export function parsePath(
  verb: "FROM" | "TO",
  argument: string,
  offers: ReadonlySet<string>,
  utf8InTransaction: boolean,
): PathResult {
  const begun = argument.slice(0, verb.length + 1).toUpperCase() === `${verb}:`;
  const match = begun ? path.exec(argument.slice(verb.length + 1)) : null;
  if (match === null) return bad(`501 5.5.4 syntax: ${verb}:<address>`);
  const [, address = "", rest = ""] = match;
  const nobody = verb === "FROM" ? address === "" : address.toLowerCase() === "postmaster";
  if (!nobody && !/.@./u.test(address)) return bad(`501 ${verb === "FROM" ? "5.1.7" : "5.1.3"} not a mailbox`);
  const parameters = rest === "" ? [] : rest.split(" ");
  for (const parameter of parameters) {
    const allowed = Object.entries(parametersOf[verb]).some(([name, form]) => offers.has(name) && form.test(parameter));
    if (!allowed) return bad("555 5.5.4 parameter not recognised");
  }
  const utf8 = utf8InTransaction || parameters.some((parameter) => /^SMTPUTF8$/iu.test(parameter));
  if (!utf8 && /[^\p{ASCII}]/u.test(address)) return bad("553 5.6.7 address needs SMTPUTF8");
  return { kind: "ok", address, parameters };
}

function bad(line: string): PathResult {
  return { kind: "bad", line };
}
