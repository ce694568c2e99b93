/** SMTP replies as nodemailer hands them over: whole text, lines joined by line feeds (RFC 5321 §4.2, RFC 2034). Pure. */
import type { SmtpReply } from "../core/outcome.ts";

const longestText = 2000;

/** `undefined` when the text does not begin with a reply code. */
export function parseSmtpReply(text: string): SmtpReply | undefined {
  const lines = text.split(/\r?\n/u).filter((line) => line !== "");
  const code = /^[2-5]\d\d(?=[ -]|$)/u.exec(lines[0] ?? "")?.[0];
  if (code === undefined) return undefined;
  const texts = lines.map((line) => line.replace(/^\d{3}[ -]?/u, ""));
  // The class of an enhanced code agrees with the reply's (RFC 2034 §4); one that does not is text.
  const enhancedPattern = new RegExp(`^${code[0]}\\.\\d{1,3}\\.\\d{1,3}(?= |$)`, "u");
  const enhanced = enhancedPattern.exec(texts[0] ?? "")?.[0];
  const rest = texts.map((line) => line.replace(enhancedPattern, "").trim());
  return { code: Number(code), enhanced, text: rest.join("\n").slice(0, longestText) };
}
