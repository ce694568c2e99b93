/**
 * Access tokens from a refresh token (RFC 6749 §6).
 */
import type { Clock } from "../core/ports.ts";

export interface TokenSourceConfig {
  readonly tokenEndpoint: string;
  readonly clientId: string;
  readonly clientSecret?: (() => Promise<string>) | undefined;
  readonly refreshToken: RefreshTokenStore;
  readonly scope: string | undefined;
}

/** Where the refresh token is kept. */
export interface RefreshTokenStore {
  read(): Promise<string>;
  /** Keeps a token that the endpoint has put in place of the old one; resolves when it is durable. */
  write?(token: string): Promise<void>;
}

export interface TokenSourcePorts {
  readonly clock: Clock;
  readonly fetch?: typeof globalThis.fetch;
}

/** Disposing ends a refresh under way. */
export interface TokenSource extends AsyncDisposable {
  /** A token that is good for some minutes yet. Rejects with `OAuthError`, or with the signal's reason. */
  token(signal: AbortSignal): Promise<string>;
  /** The server refused the last token: the next call gets a new one. */
  invalidate(): void;
}

/**
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
    options: ErrorOptions & { retryAfterMs?: number | undefined } = {},
  ) {
    super(message, options);
    this.kind = kind;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** A source of tokens for one account: it keeps one, and renews it shortly before it ends. */
export function createTokenSource(_config: TokenSourceConfig, _ports: TokenSourcePorts): TokenSource {
  throw new Error("not written yet");
}
