/**
 * SASL (RFC 4422) as POP3 uses it (RFC 5034): which mechanism to use, and what each is for the dialogue.
 */
import type { TlsMode } from "../net/tls-policy.ts";

/** What an account proves itself with. Secrets are read when they are needed and not kept. */
export interface SaslCredentials {
  readonly user: string;
  readonly secret: PasswordSecret | OAuthSecret;
}

export interface PasswordSecret {
  readonly kind: "password";
  read(): Promise<string>;
}

/** A source of access tokens (RFC 6749): `createTokenSource` of `oauth/token-source.ts` makes one. */
export interface OAuthSecret {
  readonly kind: "oauth";
  token(signal: AbortSignal): Promise<string>;
  /** The server refused the token although it should still be good: get another next time. */
  invalidate(): void;
}

/** One exchange with one server. Octets here are bare; the dialogue does the base64 and the `*` that cancels. */
export interface SaslMechanism {
  readonly name: string;
  /** The initial response, if the mechanism has one: sent with AUTH, or in answer to the first, empty challenge. */
  initial(): Promise<Buffer | undefined>;
  /** The answer to a challenge. Rejects with `SaslError` when the challenge makes no sense; cancel the exchange then. */
  respond(challenge: Buffer): Promise<Buffer>;
  /** To be called when the server says +OK: throws `SaslError` when the server could not prove itself. */
  finish(): void;
  /** What the server said inside the exchange about its refusal (OAuth's JSON, SCRAM's `e=`), if it did. */
  readonly complaint: string | undefined;
}

/** The exchange cannot go on: a server that breaks the mechanism, or cannot prove that it knows the password. */
export class SaslError extends Error {
  override readonly name = "SaslError";
}

export interface SaslChoice {
  /** TLS is up. */
  readonly secured: boolean;
  readonly mode: TlsMode;
  /** A mechanism's name, or `auto`. A named mechanism is used even when the server does not announce it. */
  readonly configured: string;
  /** Octets of chance for nonces: node:crypto's `randomBytes` in the program. */
  readonly randomBytes: (octets: number) => Buffer;
  /** Ends waiting for an access token. */
  readonly signal: AbortSignal;
}

export type SaslChoiceResult =
  | { readonly kind: "mechanism"; readonly mechanism: SaslMechanism }
  /** None fits: `why` is a sentence for the administrator. USER/PASS or APOP may still do. */
  | { readonly kind: "none"; readonly why: string };

/** The strongest mechanism that server and credentials have in common. Nothing that shows the secret goes unsecured. */
export function chooseMechanism(
  _offered: readonly string[],
  _credentials: SaslCredentials,
  _choice: SaslChoice,
): SaslChoiceResult {
  return { kind: "none", why: "not written yet" };
}
