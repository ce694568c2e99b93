/**
 * The device authorization grant (RFC 8628): a person opens a page on any machine, types a short code and consents,
 * while we ask the token endpoint until it gives a refresh token.
 *
 * States: *asked* (§3.1) → *shown* (§3.3) → *polling* (§3.4, §3.5) → granted, denied, expired or refused. `slow_down`
 * makes each later pause five seconds longer; an endpoint that cannot be reached makes the pause twice as long, up to a
 * minute, and the code's end ends everything. What the endpoint says is given as it is, for `login-advice.ts` to explain.
 *
 * Expected failures are results; rejects only with the signal's reason, or what `clientSecret` rejects with. No secret,
 * and no device code, is in any word.
 */
import type { EpochMs } from "../core/ports.ts";
import { postForm, type RequestPorts } from "./form-request.ts";
import { OAuthError } from "./oauth-error.ts";
import { jsonFields, refusalWords, seconds, text, type RawReply, type ReplyFields } from "./reply-fields.ts";

export interface DeviceFlowConfig {
  readonly deviceEndpoint: string;
  readonly tokenEndpoint: string;
  readonly clientId: string;
  /** Google wants one even of devices; Microsoft's public clients have none. */
  readonly clientSecret: (() => Promise<string>) | undefined;
  readonly scope: string | undefined;
}

/** What the person is shown. From a server: not to be trusted as text. */
export interface DevicePrompt {
  readonly uri: string;
  readonly code: string;
  /** With the code in it, where the server gives one. */
  readonly completeUri: string | undefined;
  readonly expiresAt: EpochMs;
}

export interface DeviceFlowPorts extends RequestPorts {
  /** Called once, before the first poll. */
  readonly show: (prompt: DevicePrompt) => void;
}

export type DeviceFlowResult =
  | { readonly kind: "granted"; readonly refreshToken: string }
  /** The person, or a rule of the organisation, has said no. */
  | { readonly kind: "denied"; readonly message: string }
  /** Nobody consented in time. */
  | { readonly kind: "expired" }
  /** Consent was given, but the server gives only an access token. */
  | { readonly kind: "no-refresh-token" }
  /** The endpoint does not want this client, this scope, or this way. `error` is its code, or empty. */
  | { readonly kind: "refused"; readonly error: string; readonly message: string }
  /** The endpoint could not be reached, or is in trouble, when the code was asked for. */
  | { readonly kind: "unreachable"; readonly message: string };

type Refused = Exclude<DeviceFlowResult, { readonly kind: "granted" }>;

const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code";
/** RFC 8628 §3.2: when the server names no interval; §3.5: what `slow_down` adds. */
const defaultIntervalSeconds = 5;
const slowDownMs = 5000;
const longestPauseMs = 60_000;
/** Codes of the servers in use live a quarter to half an hour; a server must not keep us longer. */
const longestLifeSeconds = 3600;

interface Grant extends DevicePrompt {
  readonly deviceCode: string;
  readonly intervalMs: number;
}

/** Runs the flow to its end. */
export async function authorizeDevice(
  config: DeviceFlowConfig,
  ports: DeviceFlowPorts,
  signal: AbortSignal,
): Promise<DeviceFlowResult> {
  const grant = await askForCode(config, ports, signal);
  if ("kind" in grant) return grant;
  const { uri, code, completeUri, expiresAt } = grant;
  ports.show({ uri, code, completeUri, expiresAt });
  return poll(grant, config, ports, signal);
}

async function askForCode(
  config: DeviceFlowConfig,
  ports: RequestPorts,
  signal: AbortSignal,
): Promise<Grant | Refused> {
  const { deviceEndpoint, clientId, scope } = config;
  const form = new URLSearchParams({ client_id: clientId });
  if (scope !== undefined) form.set("scope", scope);
  const answer = await reached(postForm(deviceEndpoint, form, ports, signal));
  if ("kind" in answer) return answer;
  const fields = jsonFields(answer.body);
  if (answer.status !== 200) return refusedBy(answer, fields, deviceEndpoint, []);
  const code = text(fields?.get("user_code"));
  const deviceCode = text(fields?.get("device_code"));
  // Google's name for it is older than the RFC.
  const uri = text(fields?.get("verification_uri")) ?? text(fields?.get("verification_url"));
  if (code === undefined || deviceCode === undefined || uri === undefined || !isWebPage(uri)) {
    const message = `${deviceEndpoint}: the answer holds no code. Is this a device authorization endpoint?`;
    return { kind: "refused", error: "", message };
  }
  const lifeSeconds = Math.min(seconds(fields?.get("expires_in")) ?? longestLifeSeconds, longestLifeSeconds);
  const interval = seconds(fields?.get("interval")) ?? defaultIntervalSeconds;
  const completeUri = text(fields?.get("verification_uri_complete"));
  return {
    uri,
    code,
    completeUri: completeUri !== undefined && isWebPage(completeUri) ? completeUri : undefined,
    expiresAt: ports.clock.now() + lifeSeconds * 1000,
    deviceCode,
    intervalMs: Math.min(Math.max(interval, 1) * 1000, longestPauseMs),
  };
}

async function poll(
  grant: Grant,
  config: DeviceFlowConfig,
  ports: RequestPorts,
  signal: AbortSignal,
): Promise<DeviceFlowResult> {
  const { tokenEndpoint, clientId } = config;
  const secret = await config.clientSecret?.();
  const form = new URLSearchParams({ grant_type: deviceGrant, device_code: grant.deviceCode, client_id: clientId });
  if (secret !== undefined) form.set("client_secret", secret);
  let pauseMs = grant.intervalMs;
  for (;;) {
    const restMs = grant.expiresAt - ports.clock.now();
    if (restMs <= 0) return { kind: "expired" };
    await ports.clock.sleep(Math.min(pauseMs, restMs), signal);
    const answer = await reached(postForm(tokenEndpoint, form, ports, signal));
    const next = judge(answer, tokenEndpoint, [grant.deviceCode, secret ?? ""]);
    if (next === "pending") continue;
    else if (next === "slow-down") pauseMs += slowDownMs;
    else if (next === "trouble") pauseMs = Math.max(pauseMs, Math.min(pauseMs * 2, longestPauseMs));
    else return next;
  }
}

type Next = DeviceFlowResult | "pending" | "slow-down" | "trouble";

function judge(answer: RawReply | Refused, endpoint: string, secrets: readonly string[]): Next {
  // A wrong endpoint stays wrong.
  if ("kind" in answer) return answer.kind === "unreachable" ? "trouble" : answer;
  const fields = jsonFields(answer.body);
  if (answer.status === 200) {
    const refreshToken = text(fields?.get("refresh_token"));
    if (refreshToken !== undefined && isOneLine(refreshToken)) return { kind: "granted", refreshToken };
    if (text(fields?.get("access_token")) !== undefined) return { kind: "no-refresh-token" };
    const message = `${endpoint}: the answer holds no token. Is this a token endpoint?`;
    return { kind: "refused", error: "", message };
  }
  switch (text(fields?.get("error"))) {
    case "authorization_pending":
      return "pending";
    case "slow_down":
      return "slow-down";
    // The second is Microsoft's.
    case "access_denied":
    case "authorization_declined":
      return { kind: "denied", message: refusalWords(answer, fields, endpoint, secrets) };
    case "expired_token":
      return { kind: "expired" };
    default: {
      const refused = refusedBy(answer, fields, endpoint, secrets);
      return refused.kind === "unreachable" ? "trouble" : refused;
    }
  }
}

function refusedBy(
  answer: RawReply,
  fields: ReplyFields | undefined,
  endpoint: string,
  secrets: readonly string[],
): Extract<DeviceFlowResult, { readonly kind: "refused" | "unreachable" }> {
  const message = refusalWords(answer, fields, endpoint, secrets);
  const error = text(fields?.get("error")) ?? "";
  const inTrouble = answer.status === 408 || answer.status === 429 || answer.status >= 500;
  return inTrouble || error === "temporarily_unavailable" || error === "server_error"
    ? { kind: "unreachable", message }
    : { kind: "refused", error, message };
}

/** An endpoint that cannot be used as a value. */
async function reached(reply: Promise<RawReply>): Promise<RawReply | Refused> {
  try {
    return await reply;
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
    const { kind, message } = error;
    return kind === "temporary" ? { kind: "unreachable", message } : { kind: "refused", error: "", message };
  }
}

function isWebPage(uri: string): boolean {
  const protocol = URL.parse(uri)?.protocol;
  return protocol === "https:" || protocol === "http:";
}

/** It is kept in a file of one line. */
function isOneLine(token: string): boolean {
  return /^[\x21-\x7e]+$/u.test(token);
}
