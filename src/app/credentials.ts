/**
 * Turns configured credentials into what the clients ask for: a password read when it is used, or a source of access
 * tokens. Failures become `Pop3Error`s, so that an unreadable password file is told as what it is, not as a fault of ours.
 */
import type { Credentials } from "../config/config.ts";
import { SecretError, type Secret } from "../config/secret.ts";
import type { Clock } from "../core/ports.ts";
import { createTokenSource, OAuthError, type TokenSource } from "../oauth/token-source.ts";
import { Pop3Error } from "../pop3/port.ts";
import type { SaslCredentials } from "../sasl/choose.ts";

export interface OpenCredentials extends AsyncDisposable {
  readonly sasl: SaslCredentials;
}

const nothingToClose = async (): Promise<void> => undefined;

/** The caller disposes what it is given. */
export function openCredentials(credentials: Credentials, clock: Clock): OpenCredentials {
  const { user } = credentials;
  if (credentials.kind === "password") {
    const { password } = credentials;
    const secret = { kind: "password" as const, read: async () => told(password.read()) };
    return { sasl: { user, secret }, [Symbol.asyncDispose]: nothingToClose };
  }
  const source = openTokens(credentials.oauth, clock);
  const secret = {
    kind: "oauth" as const,
    token: async (signal: AbortSignal) => told(source.token(signal)),
    invalidate: () => source.invalidate(),
  };
  return { sasl: { user, secret }, [Symbol.asyncDispose]: async () => source[Symbol.asyncDispose]() };
}

function openTokens(oauth: Extract<Credentials, { kind: "oauth" }>["oauth"], clock: Clock): TokenSource {
  const { tokenEndpoint, clientId, clientSecret, refreshToken, scope } = oauth;
  return createTokenSource(
    {
      tokenEndpoint,
      clientId,
      clientSecret: clientSecret === undefined ? undefined : async () => clientSecret.read(),
      refreshToken: refreshStore(refreshToken),
      scope,
    },
    { clock },
  );
}

function refreshStore(secret: Secret): { read(): Promise<string>; write?(token: string): Promise<void> } {
  const read = async (): Promise<string> => secret.read();
  const write = secret.replace;
  return write === undefined ? { read } : { read, write };
}

/** How long to wait after trouble with the token endpoint is the poll schedule's business: this only says what it was. */
async function told<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof SecretError) throw new Pop3Error("permanent", error.message, { cause: error });
    if (!(error instanceof OAuthError)) throw error;
    const kinds = { revoked: "auth", temporary: "temporary", configuration: "permanent" } as const;
    throw new Pop3Error(kinds[error.kind], error.message, { cause: error, retryAfterMs: error.retryAfterMs });
  }
}
