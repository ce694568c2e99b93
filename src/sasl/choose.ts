/**
 * SASL (RFC 4422) as POP3 (RFC 5034) and SMTP (RFC 4954) use it: which mechanism to use with which server.
 *
 * Mechanisms are pure: challenges in, responses out, secrets and chance through what the caller gives. A mechanism that
 * shows the secret (PLAIN, LOGIN, OAuth's) is not chosen on an unsecured connection, unless TLS is `off` and that very
 * mechanism is named in the configuration.
 */
import type { TlsMode } from "../net/tls-policy.ts";
import { cramMd5 } from "./cram-md5.ts";
import type { SaslMechanism } from "./mechanism.ts";
import { oauthBearer, type OAuthSecret, xoauth2 } from "./oauth.ts";
import { login, plain } from "./plain.ts";
import { scram } from "./scram.ts";

// All that the dialogue needs comes from here.
export { SaslError } from "./mechanism.ts";
export type { SaslMechanism };

/** What an account proves itself with. Secrets are read when they are needed and not kept. */
export interface SaslCredentials {
  readonly user: string;
  readonly secret: PasswordSecret | OAuthSecret;
}

interface PasswordSecret {
  readonly kind: "password";
  read(): Promise<string>;
}

export interface SaslChoice {
  /** TLS is up. */
  readonly secured: boolean;
  readonly mode: TlsMode;
  /** A mechanism's name, or `auto`. A named mechanism is used even when the server does not announce it. */
  readonly configured: string;
  /**
   * What `auto` prefers over TLS. `password`: PLAIN and LOGIN, which every server can check; one that stores only digests
   * often announces ways that can never succeed. Default: the strongest.
   */
  readonly overTls?: "strongest" | "password" | undefined;
  /** Octets of chance for nonces: node:crypto's `randomBytes` in the program. */
  readonly randomBytes: (octets: number) => Buffer;
  /** Where we connect to: OAUTHBEARER sends it along, so that a token cannot be passed on unseen (RFC 7628 §3.1). */
  readonly host: string;
  readonly port: number;
  /** Ends waiting for an access token. */
  readonly signal: AbortSignal;
}

export type SaslChoiceResult =
  | { readonly kind: "mechanism"; readonly mechanism: SaslMechanism }
  /** None fits: `why` is a sentence for the administrator. USER/PASS or APOP may still do. */
  | { readonly kind: "none"; readonly why: string };

interface Offer {
  readonly name: string;
  /** A listener, or a server that is not who it says, learns what it needs to log in. */
  readonly showsSecret: boolean;
  make(credentials: SaslCredentials, choice: SaslChoice): SaslMechanism;
}

/** Strongest first: mutual proof, then proof without showing the password, then the password itself. */
const passwordOffers: readonly Offer[] = [
  {
    name: "SCRAM-SHA-256",
    showsSecret: false,
    make: (who, { randomBytes }) => scram("sha256", who.user, passwordOf(who), randomBytes),
  },
  {
    name: "SCRAM-SHA-1",
    showsSecret: false,
    make: (who, { randomBytes }) => scram("sha1", who.user, passwordOf(who), randomBytes),
  },
  { name: "CRAM-MD5", showsSecret: false, make: (who) => cramMd5(who.user, passwordOf(who)) },
  { name: "PLAIN", showsSecret: true, make: (who) => plain(who.user, passwordOf(who)) },
  { name: "LOGIN", showsSecret: true, make: (who) => login(who.user, passwordOf(who)) },
];

/** XOAUTH2 first: it is what Microsoft and Google document. */
const oauthOffers: readonly Offer[] = [
  { name: "XOAUTH2", showsSecret: true, make: (who, { signal }) => xoauth2(who.user, tokensOf(who), signal) },
  { name: "OAUTHBEARER", showsSecret: true, make: (who, choice) => oauthBearer(who.user, tokensOf(who), choice) },
];

/** Every name that `configured` may have besides `auto`. */
const saslMechanismNames: readonly string[] = [...passwordOffers, ...oauthOffers].map((offer) => offer.name);

/** The strongest mechanism that server and credentials have in common, or the configured one. */
export function chooseMechanism(
  offered: readonly string[],
  credentials: SaslCredentials,
  choice: SaslChoice,
): SaslChoiceResult {
  const fitting = credentials.secret.kind === "oauth" ? oauthOffers : passwordOffers;
  const configured = choice.configured.toUpperCase();
  const chosen =
    configured === "AUTO"
      ? choosePresent(inOrder(fitting, choice), offered, choice.secured)
      : chooseNamed(fitting, configured, credentials, choice);
  return typeof chosen === "string"
    ? { kind: "none", why: chosen }
    : { kind: "mechanism", mechanism: chosen.make(credentials, choice) };
}

function inOrder(fitting: readonly Offer[], { secured, overTls }: SaslChoice): readonly Offer[] {
  if (!secured || overTls !== "password") return fitting;
  return [...fitting.filter((offer) => offer.showsSecret), ...fitting.filter((offer) => !offer.showsSecret)];
}

function choosePresent(fitting: readonly Offer[], offered: readonly string[], secured: boolean): Offer | string {
  const names = new Set(offered.map((name) => name.toUpperCase()));
  const isOAuth = fitting.every((offer) => oauthOffers.includes(offer));
  const present = fitting.filter((offer) => names.has(offer.name));
  const [best] = present.filter((offer) => secured || !offer.showsSecret);
  if (best !== undefined) return best;
  if (present.length > 0 || (isOAuth && !secured))
    return "the server offers only ways to log in that show the secret, and the connection is not encrypted";
  // Servers have been seen that take XOAUTH2 without announcing it, and a token is of no use for anything else.
  const [unannounced] = isOAuth ? fitting : [];
  return unannounced ?? `the server offers no SASL mechanism that is known here (it has: ${list(offered)})`;
}

function chooseNamed(
  fitting: readonly Offer[],
  configured: string,
  credentials: SaslCredentials,
  choice: SaslChoice,
): Offer | string {
  const offer = fitting.find((one) => one.name === configured);
  if (offer === undefined) {
    return saslMechanismNames.includes(configured)
      ? `${configured} does not go with ${credentials.secret.kind === "oauth" ? "an OAuth token" : "a password"}`
      : `${configured} is not a SASL mechanism that is known here (known: ${list(saslMechanismNames)})`;
  }
  if (offer.showsSecret && !choice.secured && choice.mode !== "off")
    return `${configured} shows the secret, and the connection is not encrypted`;
  return offer;
}

function list(names: readonly string[]): string {
  return names.length === 0 ? "none" : names.join(", ");
}

function passwordOf({ secret }: SaslCredentials): () => Promise<string> {
  if (secret.kind !== "password") throw new TypeError("a password mechanism was chosen for OAuth credentials");
  return () => secret.read();
}

function tokensOf({ secret }: SaslCredentials): OAuthSecret {
  if (secret.kind !== "oauth") throw new TypeError("an OAuth mechanism was chosen for a password");
  return secret;
}
