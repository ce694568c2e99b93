/**
 * AUTH (RFC 4954) on nodemailer's connection: PLAIN, LOGIN, CRAM-MD5 by password, XOAUTH2 by access token.
 *
 * Nothing secret is sent before the connection is encrypted to a server that has proved itself, unless TLS is `off` by
 * explicit choice: opportunistic TLS without a CA or a pin keeps out who listens, not who stands in the middle.
 * Throws whatever goes wrong; the session says in which phase that was.
 */
import type SMTPConnection from "nodemailer/lib/smtp-connection";
import type { TlsPolicy } from "../net/tls-policy.ts";

/** What a login needs; the secret is read when it is used. */
export interface SmtpCredentials {
  readonly user: string;
  readonly secret:
    | { readonly kind: "password"; read(): Promise<string> }
    | { readonly kind: "oauth"; token(signal: AbortSignal): Promise<string>; invalidate(): void };
}

/**
 * The name under which nodemailer knows our XOAUTH2. Under its own name it would prefer PLAIN or LOGIN where a server
 * offers these too, and its token generator would fetch tokens by itself.
 */
const tokenMethod = "TOKEN";

/** Whether a password may be sent over this connection. `secured`: TLS is on. */
function mayShowSecrets({ mode, ca, fingerprints }: TlsPolicy, secured: boolean): boolean {
  if (mode === "off") return true;
  return secured && (mode !== "opportunistic" || ca.length > 0 || fingerprints.length > 0);
}

/** nodemailer's call for a login with these credentials. Throws when they must not or cannot be shown here. */
export async function prepareLogin(
  connection: SMTPConnection,
  { user, secret }: SmtpCredentials,
  policy: TlsPolicy,
): Promise<Parameters<SMTPConnection["login"]>[0]> {
  if (!mayShowSecrets(policy, connection.secure))
    throw new Error(
      connection.secure
        ? "the server has not proved itself, and no password is sent to just anyone: set ca or fingerprint"
        : "the connection is not encrypted, and no password is sent in the clear",
    );
  if (!connection.allowsAuth) throw new Error("the server does not offer AUTH on this connection");
  if (secret.kind === "oauth") return { user, method: tokenMethod };
  return { user, credentials: { user, pass: await secret.read() } };
}

/** The connection's option for XOAUTH2; the signal ends the wait for a token. */
export function tokenLogin(
  credentials: SmtpCredentials | undefined,
  signal: AbortSignal,
): Pick<SMTPConnection.Options, "customAuth"> {
  if (credentials?.secret.kind !== "oauth") return {};
  const { user, secret } = credentials;
  return {
    customAuth: {
      [tokenMethod]: async (context) => {
        if (!context.authMethods.includes("XOAUTH2")) throw new Error("the server does not offer AUTH XOAUTH2");
        const token = await secret.token(signal);
        const proof = Buffer.from(`user=${user}\u0001auth=Bearer ${token}\u0001\u0001`).toString("base64");
        let reply = await context.sendCommand(`AUTH XOAUTH2 ${proof}`);
        // The server explains a refusal, and wants an empty line before it refuses.
        if (reply.status === 334) reply = await context.sendCommand("");
        if (reply.status === 235) return;
        // A server in trouble says nothing about the token.
        if (reply.status >= 500) secret.invalidate();
        throw new Error("the access token was refused");
      },
    },
  };
}
