/**
 * Reads the JSON that OAuth endpoints answer. Pure. Nothing in an answer is trusted: every field's type is checked, and
 * what is quoted of it is one short line from which the secrets that were sent are cut out.
 */

export interface RawReply {
  readonly status: number;
  readonly body: string;
  /** The Retry-After field's value. */
  readonly retryAfter: string | null;
}

export type ReplyFields = ReadonlyMap<string, unknown>;

/** The fields of an object in JSON; `undefined` when it is none. */
export function jsonFields(body: string): ReplyFields | undefined {
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === "object" && parsed !== null ? new Map(Object.entries(parsed)) : undefined;
  } catch {
    return undefined;
  }
}

export function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** A number, or digits in a string, which some endpoints send. */
export function seconds(value: unknown): number | undefined {
  const number = typeof value === "string" && /^\d{1,9}$/u.test(value) ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) && number >= 0 ? number : undefined;
}

/** What a refusal says (RFC 6749 §5.2), after the endpoint and the HTTP status. */
export function refusalWords(
  reply: RawReply,
  fields: ReplyFields | undefined,
  endpoint: string,
  secrets: readonly string[],
): string {
  const error = text(fields?.get("error")) ?? "";
  const description = text(fields?.get("error_description")) ?? text(fields?.get("error_uri")) ?? "";
  const said = [error, description].filter((part) => part !== "").map((part) => quote(part, secrets));
  return `${endpoint}: HTTP ${reply.status}${said.length > 0 ? `: ${said.join(": ")}` : ""}`;
}

/** Delta seconds only: an HTTP date (RFC 9110 §10.2.3) would need the endpoint's clock to agree with ours. */
export function retryAfterMs(value: string | null): number | undefined {
  return value !== null && /^\d{1,6}$/u.test(value.trim()) ? Number(value) * 1000 : undefined;
}

/** One short line without secrets. */
export function quote(words: string, secrets: readonly string[]): string {
  let safe = words;
  for (const secret of secrets) if (secret !== "") safe = safe.replaceAll(secret, "[secret]");
  safe = safe.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, " ").trim();
  return safe.length > longestQuote ? `${safe.slice(0, longestQuote)}…` : safe;
}

const longestQuote = 300;
