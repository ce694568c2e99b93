/**
 * What to do when the device authorization grant fails: the server's code in an administrator's words, with the place in
 * Entra or in Google's console where it is put right. Pure.
 *
 * Sources: Microsoft identity platform, "Microsoft Entra authentication and authorization error codes"; Google Identity,
 * "OAuth 2.0 for TV and Limited-Input Device Applications"; RFC 6749 §5.2, RFC 8628 §3.5.
 */
import type { AuthorizationServer, MailUse } from "./device-endpoint.ts";
import type { DeviceFlowResult } from "./device-flow.ts";

type Failed = Exclude<DeviceFlowResult, { readonly kind: "granted" }>;

export interface LoginAdvice {
  readonly what: string;
  /** What to do; several steps are several lines. */
  readonly remedy: readonly string[];
}

const permission: Readonly<Record<MailUse, string>> = { pop3: "POP.AccessAsUser.All", smtp: "SMTP.Send" };

export function loginAdvice(failed: Failed, server: AuthorizationServer, use: MailUse): LoginAdvice {
  switch (failed.kind) {
    case "denied":
      return {
        what: `Consent was refused. ${failed.message}`,
        remedy: [
          "Say yes on the page, logged in as the user of the box.",
          ...(server === "microsoft" ? [adminConsent(use)] : []),
        ],
      };
    case "expired":
      return { what: "Nobody typed the code in time.", remedy: ["Run the command again for a new code."] };
    case "no-refresh-token":
      return {
        what: "The server has given no refresh token, so that access would end within the hour.",
        remedy: [
          server === "microsoft"
            ? "Add offline_access to `scope`."
            : "Ask for it with `scope` (offline_access, at servers of OpenID Connect).",
        ],
      };
    case "unreachable":
      return { what: failed.message, remedy: ["Look at the network, a proxy or the firewall, and run it again."] };
    case "refused":
      return { what: failed.message, remedy: refusedRemedy(failed, server, use) };
  }
}

function refusedRemedy(
  { error, message }: Extract<Failed, { readonly kind: "refused" }>,
  server: AuthorizationServer,
  use: MailUse,
): readonly string[] {
  if (server === "microsoft") return microsoftRemedy(error, message, use);
  if (server === "google") return googleRemedy(error);
  switch (error) {
    case "invalid_client":
    case "unauthorized_client":
      return ["Compare client_id and client_secret with the provider's; the client must be allowed the device flow."];
    case "invalid_scope":
      return ["Correct `scope`: the provider says which scopes its mail servers need."];
    default:
      return ["Compare token_endpoint, device_endpoint and client_id with what the provider says."];
  }
}

/** By the number in the description (AADSTS…), which says more than the code. */
function microsoftRemedy(error: string, message: string, use: MailUse): readonly string[] {
  const number = /AADSTS(\d+)/u.exec(message)?.[1] ?? "";
  const known = microsoftNumbers[number];
  if (known !== undefined) return known(use);
  switch (error) {
    case "invalid_client":
      return publicClient();
    case "unauthorized_client":
      return wrongClient();
    case "invalid_scope":
      return [scopeAdvice(use)];
    case "invalid_grant":
    case "interaction_required":
    case "consent_required":
      return [adminConsent(use)];
    default:
      return ["In token_endpoint, compare the tenant; the path ends in /oauth2/v2.0/token."];
  }
}

const microsoftNumbers: Readonly<Record<string, (use: MailUse) => readonly string[]>> = {
  "7000218": publicClient,
  "7000215": () => ["client_secret is wrong: Entra shows a secret's value only once; make a new one."],
  "7000222": () => ["client_secret has expired: make a new one in Entra, Certificates & secrets."],
  "700016": wrongClient,
  "50059": tenant,
  "90002": tenant,
  "9002332": tenant,
  "70011": (use) => [scopeAdvice(use)],
  "65001": (use) => [adminConsent(use)],
  "90094": (use) => [adminConsent(use)],
  "650052": (use) => [adminConsent(use)],
  "53003": conditionalAccess,
  "53000": conditionalAccess,
  "530036": conditionalAccess,
  "50105": () => [
    "In Entra, Enterprise applications, Users and groups: assign the user of the box to the application.",
  ],
};

function publicClient(): readonly string[] {
  return [
    "In Entra, App registrations, the application, Authentication: set “Allow public client flows” to Yes.",
    "Without it the server expects a secret: then set client_secret.",
  ];
}

function wrongClient(): readonly string[] {
  return ["Compare client_id with “Application (client) ID” in Entra, and the tenant in token_endpoint."];
}

function tenant(): readonly string[] {
  return ["In token_endpoint, put “Directory (tenant) ID” of Entra, or the company's domain, in the tenant's place."];
}

function conditionalAccess(): readonly string[] {
  return [
    "A Conditional Access policy forbids it. In Entra, Sign-in logs says which one.",
    "Policies that block the device code flow, or ask for a managed device, need an exception for this user.",
  ];
}

function scopeAdvice(use: MailUse): string {
  return `Leave \`scope\` out, or set it to "https://outlook.office.com/${permission[use]} offline_access".`;
}

function adminConsent(use: MailUse): string {
  return (
    `In Entra, App registrations, the application, API permissions: add the delegated permission ${permission[use]} ` +
    "(Microsoft Graph or Office 365 Exchange Online) and choose “Grant admin consent”."
  );
}

function googleRemedy(error: string): readonly string[] {
  switch (error) {
    case "invalid_scope":
      return [
        "Google allows no mail scope in the device flow.",
        "Make an app password for the box (with 2-step verification) and set `password`; or get a refresh token for " +
          "https://mail.google.com/ with a client of the kind “Desktop app” and put it into the file by hand.",
      ];
    case "invalid_client":
      return [
        "In Google Cloud, Credentials: the client must be of the kind “TVs and Limited Input devices”, and its " +
          "client_secret must be set.",
      ];
    default:
      return ["Compare client_id and client_secret with Google Cloud, Credentials."];
  }
}
