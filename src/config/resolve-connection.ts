/** From the keys of a connection as written to TLS policy, credentials and secrets. */
import { formatPin, parsePin, type TlsPolicy } from "../net/tls-policy.ts";
import { tlsVersions } from "./account-schema.ts";
import type { Credentials } from "./config.ts";
import type { ConfigFiles } from "./config-files.ts";
import type { KeyPath } from "./key-path.ts";
import { listOf } from "./one-or-several.ts";
import type { RawSecret } from "./secret-schema.ts";

interface TrustKeys {
  readonly ca?: string | readonly string[] | undefined;
  readonly fingerprint?: string | readonly string[] | undefined;
  readonly min_tls: keyof typeof tlsVersions;
  readonly servername?: string | undefined;
}

interface LoginKeys {
  readonly user?: string | undefined;
  readonly password?: RawSecret | undefined;
  readonly oauth?:
    | {
        readonly token_endpoint: string;
        readonly device_endpoint?: string | undefined;
        readonly client_id: string;
        readonly client_secret?: RawSecret | undefined;
        readonly refresh_token: RawSecret;
        readonly scope?: string | undefined;
      }
    | undefined;
}

/** `required` is what SMTP's administrators call STARTTLS without a way back. */
export function resolveTls(
  keys: TrustKeys,
  mode: "off" | "starttls" | "required" | "opportunistic" | "implicit",
  files: ConfigFiles,
): TlsPolicy {
  return {
    mode: mode === "required" ? "starttls" : mode,
    ca: listOf(keys.ca).map((path) => files.pem(path)),
    fingerprints: listOf(keys.fingerprint).map(normalPin),
    minVersion: tlsVersions[keys.min_tls],
    servername: keys.servername,
  };
}

export function resolveCredentials(keys: LoginKeys, at: KeyPath, files: ConfigFiles): Credentials | undefined {
  const { user, password, oauth } = keys;
  if (user === undefined) return undefined;
  if (oauth !== undefined) {
    const secretAt = (name: "client_secret" | "refresh_token", raw: RawSecret) =>
      files.secret([...at, "oauth", name], raw);
    return {
      kind: "oauth",
      user,
      oauth: {
        tokenEndpoint: oauth.token_endpoint,
        deviceEndpoint: oauth.device_endpoint,
        clientId: oauth.client_id,
        clientSecret: oauth.client_secret === undefined ? undefined : secretAt("client_secret", oauth.client_secret),
        refreshToken: secretAt("refresh_token", oauth.refresh_token),
        scope: oauth.scope,
      },
    };
  }
  return password === undefined
    ? undefined
    : { kind: "password", user, password: files.secret([...at, "password"], password) };
}

function normalPin(text: string): string {
  const result = parsePin(text);
  return result.kind === "ok" ? formatPin(result.pin) : text;
}
