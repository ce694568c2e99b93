/**
 * Reads what a token endpoint answered: RFC 6749 §5.1 (a token) and §5.2 (a refusal). Pure; throws `OAuthError`.
 *
 * The answer is not trusted with anything: sizes are limited by the caller, types are checked here, and what is quoted
 * of it is one short line from which the secrets that were sent are cut out.
 */
import { OAuthError, type OAuthErrorKind } from "./oauth-error.ts";
import { jsonFields, quote, refusalWords, retryAfterMs, seconds, text, type RawReply } from "./reply-fields.ts";

export interface TokenReply {
  readonly accessToken: string;
  /** Seconds from the reply on, as the endpoint says; `undefined` when it does not. */
  readonly expiresIn: number | undefined;
  /** A new refresh token that replaces the old one. */
  readonly refreshToken: string | undefined;
}

/** The token in a reply; throws what a refusal, or an answer that is no token, means. */
export function readTokenReply(reply: RawReply, endpoint: string, secrets: readonly string[]): TokenReply {
  const fields = jsonFields(reply.body);
  if (reply.status !== 200)
    throw new OAuthError(
      kindOf(reply.status, text(fields?.get("error")) ?? ""),
      refusalWords(reply, fields, endpoint, secrets),
      { retryAfterMs: retryAfterMs(reply.retryAfter) },
    );
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
