/**
 * What is known of the authorization servers of Microsoft and Google: where a device asks for a code, and which scopes
 * mail needs. Pure. Of any other server nothing is known, and the configuration must say it.
 *
 * Sources: Microsoft identity platform, "OAuth 2.0 device authorization grant flow"; Exchange Online, "Authenticate an
 * IMAP, POP or SMTP connection using OAuth"; Google Identity, "OAuth 2.0 for TV and Limited-Input Device Applications".
 */

export type AuthorizationServer = "microsoft" | "google" | "other";

/** What the token is for. */
export type MailUse = "pop3" | "smtp";

/** The public cloud, and those of the US government and of China. */
const microsoftHosts = new Set([
  "login.microsoftonline.com",
  "login.windows.net",
  "login.microsoftonline.us",
  "login.partner.microsoftonline.cn",
  "login.chinacloudapi.cn",
]);
const googleHosts = new Set(["oauth2.googleapis.com", "accounts.google.com", "www.googleapis.com"]);

export function authorizationServerOf(tokenEndpoint: string): AuthorizationServer {
  const host = URL.parse(tokenEndpoint)?.hostname ?? "";
  if (microsoftHosts.has(host)) return "microsoft";
  return googleHosts.has(host) ? "google" : "other";
}

/** The device authorization endpoint that belongs to a token endpoint; `undefined` where it is not known. */
export function deviceEndpointOf(tokenEndpoint: string): string | undefined {
  switch (authorizationServerOf(tokenEndpoint)) {
    case "microsoft":
      // …/TENANT/oauth2/v2.0/token, and …/TENANT/oauth2/token of the older version, which knows no scopes.
      return tokenEndpoint.endsWith("/oauth2/v2.0/token")
        ? tokenEndpoint.replace(/\/token$/u, "/devicecode")
        : undefined;
    case "google":
      return "https://oauth2.googleapis.com/device/code";
    case "other":
      return undefined;
  }
}

const microsoftScopes: Readonly<Record<MailUse, string>> = {
  pop3: "https://outlook.office.com/POP.AccessAsUser.All",
  smtp: "https://outlook.office.com/SMTP.Send",
};

/** What to ask for: as configured, else what the server needs for mail. */
export function loginScope(tokenEndpoint: string, configured: string | undefined, use: MailUse): string | undefined {
  switch (authorizationServerOf(tokenEndpoint)) {
    case "microsoft": {
      const scope = configured ?? microsoftScopes[use];
      // Without it Microsoft gives no refresh token, and that is what the login is for.
      return scope.split(/\s+/u).includes("offline_access") ? scope : `${scope} offline_access`;
    }
    case "google":
      return configured ?? "https://mail.google.com/";
    case "other":
      return configured;
  }
}
