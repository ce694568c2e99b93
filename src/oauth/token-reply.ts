/**
 * Reads what a token endpoint answered: RFC 6749 §5.1 (a token) and §5.2 (a refusal). Pure; throws `OAuthError`.
 *
 * The answer is not trusted with anything: sizes are limited by the caller, types are checked here, and what is quoted
 * of it is one short line from which the secrets that were sent are cut out.
 */
import { OAuthError, type OAuthErrorKind } from "./oauth-error.ts";

export interface TokenReply {
  readonly accessToken: string;
  /** Seconds from the reply on, as the endpoint says; `undefined` when it does not. */
  readonly expiresIn: number | undefined;
  /** A new refresh token that replaces the old one. */
  readonly refreshToken: string | undefined;
}

export interface RawReply {
  readonly status: number;
  readonly body: string;
  /** The Retry-After field's value. */
  readonly retryAfter: string | null;
}

/** The token in a reply; throws what a refusal, or an answer that is no token, means. */
export function readTokenReply(reply: RawReply, endpoint: string, secrets: readonly string[]): TokenReply {
  const fields = jsonObject(reply.body);
  if (reply.status !== 200) throw refusal(reply, fields, endpoint, secrets);
  const accessToken = text(fields?.get("access_token"));
  const type = text(fields?.get("token_type"));
  if (accessToken === undefined || !/^[\x21-\x7e]+$/u.test(accessToken))
    throw new OAuthError("configuration", `${endpoint}: the answer holds no access token. Is this a token endpoint?`);
  if (type !== undefined && type.toLowerCase() !== "bearer")
    throw new OAuthError("configuration", `${endpoint}: the token is of type ${quote(type, secrets)}, not Bearer.`);
  return {
    accessToken,
    expiresIn: seconds(fields?.get("expires_in")),
    refreshToken: text(fields?.get("refresh_token")),
  };
}

function refusal(
  reply: RawReply,
  fields: ReadonlyMap<string, unknown> | undefined,
  endpoint: string,
  secrets: readonly string[],
): OAuthError {
  const error = text(fields?.get("error")) ?? "";
  const description = text(fields?.get("error_description")) ?? text(fields?.get("error_uri")) ?? "";
  const said = [error, description].filter((part) => part !== "").map((part) => quote(part, secrets));
  const message = `${endpoint}: HTTP ${reply.status}${said.length > 0 ? `: ${said.join(": ")}` : ""}`;
  return new OAuthError(kindOf(reply.status, error), message, { retryAfterMs: retryAfterMs(reply.retryAfter) });
}

function kindOf(status: number, error: string): OAuthErrorKind {
  if (status === 408 || status === 429 || status >= 500) return "temporary";
  switch (error) {
    case "temporarily_unavailable":
    case "server_error":
    case "slow_down":
      return "temporary";
    // Microsoft says the latter three when a policy wants a person to log in again.
    case "invalid_grant":
    case "interaction_required":
    case "consent_required":
    case "login_required":
      return "revoked";
    default:
      return "configuration";
  }
}

/** Delta seconds only: an HTTP date (RFC 9110 §10.2.3) would need the endpoint's clock to agree with ours. */
function retryAfterMs(value: string | null): number | undefined {
  return value !== null && /^\d{1,6}$/u.test(value.trim()) ? Number(value) * 1000 : undefined;
}

function jsonObject(body: string): ReadonlyMap<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === "object" && parsed !== null ? new Map(Object.entries(parsed)) : undefined;
  } catch {
    return undefined;
  }
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** A number, or digits in a string, which some endpoints send. */
function seconds(value: unknown): number | undefined {
  const number = typeof value === "string" && /^\d{1,9}$/u.test(value) ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) && number >= 0 ? number : undefined;
}

/** One short line without secrets. */
function quote(words: string, secrets: readonly string[]): string {
  let safe = words;
  for (const secret of secrets) if (secret !== "") safe = safe.replaceAll(secret, "[secret]");
  safe = safe.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, " ").trim();
  return safe.length > longestQuote ? `${safe.slice(0, longestQuote)}…` : safe;
}

const longestQuote = 300;
