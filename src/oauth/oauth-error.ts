/**
 * Why there is no access token, by what the operator must do about it.
 *
 * - `revoked`: the refresh token is no longer good; a person must log in and consent again.
 * - `configuration`: client id, secret, scope or endpoint is wrong.
 * - `temporary`: the endpoint could not be reached or is in trouble; try again later.
 */
export type OAuthErrorKind = "revoked" | "temporary" | "configuration";

/** No token. The message carries the endpoint's description, and never a secret. */
export class OAuthError extends Error {
  override readonly name = "OAuthError";
  readonly kind: OAuthErrorKind;
  /** Milliseconds the endpoint asks us to wait. */
  readonly retryAfterMs: number | undefined;
  constructor(
    kind: OAuthErrorKind,
    message: string,
    options: ErrorOptions & { readonly retryAfterMs?: number | undefined } = {},
  ) {
    super(message, options);
    this.kind = kind;
    this.retryAfterMs = options.retryAfterMs;
  }
}
