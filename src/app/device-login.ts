/**
 * `popgate login`: the device authorization grant for one account or relay, from its `oauth` table to a refresh token in
 * its file. Needs no spool and no daemon; a running one takes the new token at its next login.
 *
 * Whether the token can be kept is looked at before a person is asked for anything. It is durable when this resolves with
 * `stored`. Expected failures are outcomes; rejects only with the signal's reason.
 */
import type { Credentials, OAuthConfig } from "../config/config.ts";
import { SecretError } from "../config/secret.ts";
import { authorizationServerOf, deviceEndpointOf, loginScope, type MailUse } from "../oauth/device-endpoint.ts";
import { authorizeDevice, type DeviceFlowPorts, type DeviceFlowResult } from "../oauth/device-flow.ts";
import { loginAdvice, type LoginAdvice } from "../oauth/login-advice.ts";

export type { DevicePrompt } from "../oauth/device-flow.ts";

export type LoginOutcome =
  /** `origin`: where, in words. */
  | { readonly kind: "stored"; readonly origin: string }
  /** The configuration does not allow it; nobody was asked for anything. */
  | ({ readonly kind: "not-possible" } & LoginAdvice)
  | ({ readonly kind: "failed" } & LoginAdvice);

/** Logs in. `use`: what the token is for. */
export async function deviceLogin(
  credentials: Credentials | undefined,
  use: MailUse,
  ports: DeviceFlowPorts,
  signal: AbortSignal,
): Promise<LoginOutcome> {
  if (credentials?.kind !== "oauth")
    return notPossible("it logs in with a password, or not at all", [
      "Give it an oauth table with token_endpoint, client_id and refresh_token = { file = … }, instead of `password`.",
    ]);
  const { oauth } = credentials;
  const deviceEndpoint = oauth.deviceEndpoint ?? deviceEndpointOf(oauth.tokenEndpoint);
  if (deviceEndpoint === undefined)
    return notPossible(`where a code is asked for is not known for ${oauth.tokenEndpoint}`, [endpointAdvice(oauth)]);
  const store = oauth.refreshToken.replace;
  const fault = await oauth.refreshToken.whyNotReplaceable();
  if (store === undefined || fault !== undefined)
    return notPossible(`the refresh token cannot be kept: ${fault?.why ?? ""}`, [fault?.hint ?? ""]);
  const result = await authorized(oauth, deviceEndpoint, use, ports, signal);
  if (result.kind !== "granted")
    return { kind: "failed", ...loginAdvice(result, authorizationServerOf(oauth.tokenEndpoint), use) };
  try {
    await store(result.refreshToken);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { kind: "failed", what: `the refresh token could not be stored: ${why}`, remedy: ["Run it again."] };
  }
  return { kind: "stored", origin: oauth.refreshToken.origin };
}

async function authorized(
  oauth: OAuthConfig,
  deviceEndpoint: string,
  use: MailUse,
  ports: DeviceFlowPorts,
  signal: AbortSignal,
): Promise<DeviceFlowResult> {
  const { tokenEndpoint, clientId, clientSecret, scope } = oauth;
  try {
    return await authorizeDevice(
      {
        deviceEndpoint,
        tokenEndpoint,
        clientId,
        clientSecret: clientSecret === undefined ? undefined : async () => clientSecret.read(signal),
        scope: loginScope(tokenEndpoint, scope, use),
      },
      ports,
      signal,
    );
  } catch (error) {
    if (!(error instanceof SecretError)) throw error;
    return { kind: "refused", error: "", message: error.message };
  }
}

function endpointAdvice({ tokenEndpoint }: OAuthConfig): string {
  return authorizationServerOf(tokenEndpoint) === "microsoft"
    ? "Let token_endpoint end in /oauth2/v2.0/token: the older one knows no scopes."
    : "Set device_endpoint in the oauth table: the provider calls it the device authorization endpoint (RFC 8628).";
}

function notPossible(what: string, remedy: readonly string[]): LoginOutcome {
  return { kind: "not-possible", what, remedy };
}
