/** Whether user, password, OAuth and way of logging in agree. */
import type { Findings } from "./findings.ts";
import type { KeyPath } from "./key-path.ts";
import { isLoopback } from "./loopback.ts";

interface LoginKeys {
  readonly user?: string | undefined;
  readonly password?: unknown;
  readonly oauth?: { readonly token_endpoint: string; readonly device_endpoint?: string | undefined } | undefined;
  readonly auth?: string | undefined;
}

const oauthMechanisms = new Set(["xoauth2", "oauthbearer"]);

/** Says nothing about a missing password: see `requireLogin`. */
export function checkLogin(keys: LoginKeys, at: KeyPath, findings: Findings): void {
  const { password, oauth, auth } = keys;
  if (password !== undefined && oauth !== undefined)
    findings.error([...at, "oauth"], "password and oauth exclude each other", "Remove one of the two", "key");
  if (auth !== undefined && oauthMechanisms.has(auth) && oauth === undefined && password !== undefined)
    findings.error([...at, "auth"], `"${auth}" needs an access token, not a password`, "Add oauth instead of password");
  if (auth !== undefined && auth !== "auto" && !oauthMechanisms.has(auth) && oauth !== undefined)
    findings.error(
      [...at, "auth"],
      `"${auth}" needs a password, and oauth gives an access token`,
      'Write auth = "auto"',
    );
  for (const key of ["token_endpoint", "device_endpoint"] as const) {
    const endpoint = oauth?.[key];
    if (endpoint !== undefined) checkEndpoint(endpoint, [...at, "oauth", key], findings);
  }
}

/** For servers that always ask who we are. */
export function requireLogin(has: (key: string) => boolean, at: KeyPath, findings: Findings): void {
  if (!has("password") && !has("oauth"))
    findings.error(
      [...at, "password"],
      "it is missing",
      'Write password = { file = "/etc/popgate/secret" }, or oauth = { … }',
    );
}

function checkEndpoint(text: string, path: KeyPath, findings: Findings): void {
  const url = URL.parse(text);
  if (url?.protocol === "http:" && !isLoopback(url.hostname))
    findings.error(path, "the token would be sent in the clear", "The URL must begin with https://");
}
