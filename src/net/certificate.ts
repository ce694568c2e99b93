/**
 * TLS trouble in plain words: which certificate, what is wrong with it, and what to write into the configuration.
 *
 * Pure, and never throws: an error it does not know is passed on in its own words. It reads no clock. That an
 * expiry has passed it takes from the error; which certificate of a chain it was follows from the dates alone.
 */
import type { X509Certificate } from "node:crypto";
import { formatPin, type Pin, pinsOf } from "./tls-policy.ts";
import { PeerDistrusted } from "./verify-peer.ts";

/** `CN=mail.example, O=Example` from node:crypto's one attribute a line. */
function oneLine(name: string | undefined): string {
  const parts = (name ?? "").split("\n").filter((part) => part !== "");
  return parts.length > 0 ? clean(parts.toReversed().join(", ")) : "(no name)";
}

/** Certificates are the server's words: nothing in them may forge a line of the log or move the cursor. */
function clean(text: string): string {
  const safe = text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, " ").trim();
  return safe.length > maxQuoted ? `${safe.slice(0, maxQuoted)}…` : safe;
}

const maxQuoted = 300;

/** Subject, issuer, validity and SHA-256 on one line. */
export function describeCertificate(certificate: X509Certificate): string {
  const { validFrom, validTo } = certificate;
  const issued = isSelfIssued(certificate) ? "issued by itself" : `issued by ${oneLine(certificate.issuer)}`;
  return (
    `certificate of ${oneLine(certificate.subject)}, ${issued}, valid from ${day(validFrom)} to ${day(validTo)}, ` +
    formatPin(pinsOf(certificate).certificate)
  );
}

/** The names a certificate is made out to (RFC 9525 §6: subjectAltName only), for people. */
export function certificateNames(certificate: X509Certificate): readonly string[] {
  const names = certificate.subjectAltName ?? "";
  return [...names.matchAll(/(?:DNS|IP Address):("(?:[^"\\]|\\.)*"|[^,]*)/gu)].map((match) => clean(match[1] ?? ""));
}

/**
 * Explains why TLS with `host` did not come about. `certificate` is the server's, where the handshake got that far;
 * `host` is what the administrator wrote, with or without port.
 */
export function explainTlsError(error: unknown, certificate: X509Certificate | undefined, host: string): string {
  const code = errorCode(error);
  const distrusted = error instanceof PeerDistrusted ? error : undefined;
  const shown = certificate ?? distrusted?.chain[0];
  if (shown !== undefined) {
    const fault = certificateFault(code, shown, distrusted?.chain ?? [shown], distrusted?.expected ?? []);
    if (fault !== undefined) return `${host}: ${fault} The server sent the ${describeCertificate(shown)}.`;
  }
  return `${host}: ${handshakeFault(code, error)}`;
}

function certificateFault(
  code: string,
  certificate: X509Certificate,
  chain: readonly X509Certificate[],
  expected: readonly Pin[],
): string | undefined {
  const pin = `fingerprint = "${formatPin(pinsOf(certificate).certificate)}"`;
  const orPin = `If you know this certificate to be the right one, write ${pin}.`;
  switch (code) {
    case "CERT_HAS_EXPIRED":
      return `${expiredText(certificate, chain)} ${orPin}`;
    case "CERT_NOT_YET_VALID":
      return `${earlyText(certificate, chain)} Check this machine's clock. ${orPin}`;
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return `the certificate is for another name: ${namesText(certificate)}. Write one of these names as host. ${orPin}`;
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
      return `the certificate is self-signed and not known here. ${orPin}`;
    case "SELF_SIGNED_CERT_IN_CHAIN":
      return `the certificate comes from a private CA that is not known here: ${oneLine(lastOf(certificate, chain).subject)}. ${caHint} ${orPin}`;
    case "UNABLE_TO_GET_ISSUER_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
    case "CERT_UNTRUSTED":
      return (
        `the certificate's issuer is not known here: ${oneLine(lastOf(certificate, chain).issuer)}. ` +
        `Either it is a private CA, or the server leaves out an intermediate certificate. ${caHint} ${orPin}`
      );
    case "PIN_MISMATCH":
      return pinText(certificate, expected);
    case "CERT_REVOKED":
      return `the certificate has been revoked by its issuer. Do not trust it.`;
    case "INVALID_PURPOSE":
      return `the certificate is not meant for servers. ${orPin}`;
    case "INVALID_CA":
    case "PATH_LENGTH_EXCEEDED":
      return `the certificate is signed by one that may not sign (${code}). ${orPin}`;
    case "CERT_SIGNATURE_FAILURE":
      return `the signature on the certificate is wrong: it was altered, or is signed by another key of the same name.`;
    case "CA_KEY_TOO_SMALL":
    case "EE_KEY_TOO_SMALL":
    case "CA_MD_TOO_WEAK":
      return `the certificate's key or signature is too weak (${code}). ${oldHint} ${orPin}`;
    case "UNSPECIFIED":
      // Node has no code for these; a key that is too small is by far the most common.
      return `the certificate is not accepted, most likely because its key is too weak. ${oldHint} ${orPin}`;
    default:
      return code === "" || code.startsWith("ERR_SSL") || systemCodes.has(code)
        ? undefined
        : `the certificate is not accepted: ${clean(code)}, ${namesText(certificate)}. ${orPin}`;
  }
}

const caHint = `Put the CA's certificate (PEM) into a file and write ca = "that file".`;
const oldHint = `If the server cannot be renewed, min_tls = "TLSv1" lets old servers through.`;
const systemCodes = new Set(["ECONNRESET", "EPIPE", "ETIMEDOUT", "TIMEOUT", "ECONNABORTED"]);

function handshakeFault(code: string, error: unknown): string {
  switch (code) {
    case "ERR_SSL_WRONG_VERSION_NUMBER":
    case "ERR_SSL_PACKET_LENGTH_TOO_LONG":
    case "ERR_SSL_HTTP_REQUEST":
    case "ERR_SSL_UNKNOWN_PROTOCOL":
      return (
        `the server answered in plain text where TLS was expected. Either this port begins without TLS ` +
        `(write tls = "starttls", for SMTP "required"), or the port is wrong (POP3 with TLS is 995, SMTP with TLS 465).`
      );
    case "ERR_SSL_UNSUPPORTED_PROTOCOL":
    case "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION":
    case "ERR_SSL_VERSION_TOO_LOW":
      return `the server does not speak a TLS version that is allowed here. ${oldHint}`;
    case "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE":
    case "ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE":
    case "ERR_SSL_NO_CIPHERS_AVAILABLE":
    case "ERR_SSL_NO_PROTOCOLS_AVAILABLE":
    case "ERR_SSL_NO_SHARED_CIPHER":
      return `the server found no TLS version or cipher in common with us (${code}). ${oldHint}`;
    case "ERR_SSL_DH_KEY_TOO_SMALL":
    case "ERR_SSL_EE_KEY_TOO_SMALL":
    case "ERR_SSL_CA_MD_TOO_WEAK":
    case "ERR_SSL_WRONG_SIGNATURE_TYPE":
    case "ERR_SSL_LEGACY_SIGALG_DISALLOWED_OR_UNSUPPORTED":
    case "ERR_SSL_UNSAFE_LEGACY_RENEGOTIATION_DISABLED":
      return `the server's TLS is too weak for today's rules (${code}). ${oldHint}`;
    case "ERR_SSL_TLSV1_UNRECOGNIZED_NAME":
    case "ERR_SSL_TLSV1_ALERT_UNRECOGNIZED_NAME":
      return `the server does not know the name it was asked for. Write the name in its certificate as host.`;
    case "NO_CERTIFICATE":
      return `the server sent no certificate.`;
    case "TIMEOUT":
      return `the TLS handshake did not end in time.`;
    case "ECONNRESET":
    case "EPIPE":
    case "ECONNABORTED":
      return `the server closed the connection in the TLS handshake. Is TLS spoken on this port?`;
    default:
      return `TLS failed: ${clean(error instanceof Error ? error.message : String(error))}${code === "" ? "" : ` (${clean(code)})`}.`;
  }
}

/**
 * True for octets that begin a TLS record (RFC 8446 §5.1) where a greeting was expected: the port speaks TLS from the
 * start, and the configuration does not.
 */
export function looksLikeTls(octets: Buffer): boolean {
  const [type, major] = octets;
  return type !== undefined && type >= 20 && type <= 23 && (major === undefined || major === 3);
}

/** What to say when a server is silent, or answers in TLS, where a greeting in the clear was expected. */
export function plaintextPortHint(host: string): string {
  return `${host}: no greeting in plain text. If this port speaks TLS from the start (POP3 on 995, SMTP on 465), write tls = "implicit".`;
}

function expiredText(certificate: X509Certificate, chain: readonly X509Certificate[]): string {
  const culprit = chain.reduce((a, b) => (b.validToDate < a.validToDate ? b : a), certificate);
  return culprit === certificate
    ? `the certificate expired on ${day(certificate.validTo)}.`
    : `the certificate of its issuer ${oneLine(culprit.subject)} expired on ${day(culprit.validTo)}.`;
}

function earlyText(certificate: X509Certificate, chain: readonly X509Certificate[]): string {
  const culprit = chain.reduce((a, b) => (b.validFromDate > a.validFromDate ? b : a), certificate);
  return culprit === certificate
    ? `the certificate is not valid before ${day(certificate.validFrom)}.`
    : `the certificate of its issuer ${oneLine(culprit.subject)} is not valid before ${day(culprit.validFrom)}.`;
}

function pinText(certificate: X509Certificate, expected: readonly Pin[]): string {
  const actual = pinsOf(certificate);
  const list = (pins: readonly Pin[]) => pins.map(formatPin).join(", ");
  const got = expected.some((pin) => pin.of === "key") ? [actual.certificate, actual.key] : [actual.certificate];
  return (
    `the certificate is not the one that is pinned: expected ${list(expected)}, got ${list(got)}. ` +
    `If the server's operator confirms the new one, write fingerprint = "${formatPin(actual.certificate)}".`
  );
}

function namesText(certificate: X509Certificate): string {
  const names = certificateNames(certificate);
  const shown = names.slice(0, maxNames).join(", ");
  if (names.length === 0) return `it carries no host name at all, subject ${oneLine(certificate.subject)}`;
  return `it is for ${shown}${names.length > maxNames ? `, and ${names.length - maxNames} more` : ""}`;
}

const maxNames = 10;

function lastOf(certificate: X509Certificate, chain: readonly X509Certificate[]): X509Certificate {
  return chain.at(-1) ?? certificate;
}

function isSelfIssued(certificate: X509Certificate): boolean {
  return certificate.subject === certificate.issuer;
}

/** `2026-11-24` from OpenSSL's `Nov 24 08:00:00 2026 GMT`. */
function day(date: string): string {
  const parsed = new Date(date);
  return Number.isNaN(parsed.getTime()) ? clean(date) : parsed.toISOString().slice(0, 10);
}

function errorCode(error: unknown): string {
  if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code;
  return "";
}
