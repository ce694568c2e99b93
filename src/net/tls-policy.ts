/**
 * What an administrator demands of a TLS connection to one server, and what that means for node:tls.
 *
 * The server must prove itself in one of two ways. Without pins: a chain to a trusted root (the configured `ca` texts
 * and no others, or the roots of the system and of Node where none is configured) and a name that matches
 * (RFC 6125, RFC 9525). With pins: the very certificate or the very key that is written down; it is then accepted even
 * when self-signed, expired or made out to another name, and every other one is refused, however well it is signed.
 * Only `opportunistic` without `ca` and without pins asks for no proof (RFC 7435): it keeps out who merely listens.
 *
 * This file is the vocabulary and does no I/O; `verify-peer.ts` applies it to a connection.
 */
import { createHash, type X509Certificate } from "node:crypto";

/**
 * - `off`: no TLS at all. Only by explicit choice.
 * - `starttls`: begins in the clear and must be upgraded (STLS, STARTTLS) before anything secret; never falls back.
 * - `implicit`: TLS from the first octet.
 * - `opportunistic`: upgraded when the server offers it. For relaying without credentials.
 */
export type TlsMode = "off" | "starttls" | "implicit" | "opportunistic";

/** `TLSv1` also allows the ciphers, key sizes and renegotiation that servers of that age need. */
type MinTlsVersion = "TLSv1.2" | "TLSv1.3" | "TLSv1";

export interface TlsPolicy {
  readonly mode: TlsMode;
  /** PEM texts, each with one or more certificates, that replace the usual roots. A server's own certificate will do. */
  readonly ca: readonly string[];
  /** Pins, in any form that `parsePin` reads. One that matches is enough. */
  readonly fingerprints: readonly string[];
  readonly minVersion: MinTlsVersion;
  /** The name to ask for (SNI) and to find in the certificate, where it is not the host connected to. */
  readonly servername: string | undefined;
}

/**
 * Whether a server on an encrypted connection must prove itself. RFC 7435: without any root or pin of the
 * administrator's, opportunistic TLS asks for no proof.
 */
export function needsProof({ mode, ca, fingerprints }: TlsPolicy): boolean {
  return mode !== "opportunistic" || ca.length > 0 || fingerprints.length > 0;
}

/** A fingerprint that was written down: SHA-256 of the whole certificate (DER) or of its public key (SPKI, RFC 7469 §2.4). */
export interface Pin {
  readonly of: "certificate" | "key";
  /** 64 lower-case hexadecimal digits. */
  readonly sha256: string;
}

export type PinResult = { readonly kind: "ok"; readonly pin: Pin } | { readonly kind: "bad"; readonly why: string };

/**
 * Reads a fingerprint as tools print it: `sha256:` and hex with or without colons (also bare, and as `openssl x509
 * -fingerprint` writes it), or `spki-sha256:` and hex or base64 (curl's `sha256//…` means the key, too).
 */
export function parsePin(text: string): PinResult {
  const bare = text.trim().replace(/^sha256 fingerprint=/iu, "sha256:");
  const ofKey = /^(?:spki-sha256:|spki:|sha256\/\/)(.+)$/iu.exec(bare)?.[1];
  if (ofKey !== undefined) {
    const sha256 = hexDigest(ofKey) ?? base64Digest(ofKey);
    return sha256 === undefined
      ? badPin("a key's fingerprint is 64 hexadecimal digits or 44 of base64")
      : okPin("key", sha256);
  }
  const rest = bare.replace(/^sha-?256:/iu, "");
  const sha256 = hexDigest(rest);
  if (sha256 !== undefined) return okPin("certificate", sha256);
  const hex = rest.replaceAll(":", "");
  if (/^[0-9a-f]{40}$/iu.test(hex) || /^[0-9a-f]{32}$/iu.test(hex))
    return badPin("this is a SHA-1 or MD5 fingerprint; SHA-256 is needed");
  return badPin("a certificate's fingerprint is sha256: and 64 hexadecimal digits");
}

/** How a pin is written in the configuration. */
export function formatPin(pin: Pin): string {
  return `${pin.of === "key" ? "spki-sha256" : "sha256"}:${pin.sha256}`;
}

/** The pins that this certificate would match. */
export function pinsOf(certificate: X509Certificate): { readonly certificate: Pin; readonly key: Pin } {
  const spki = certificate.publicKey.export({ type: "spki", format: "der" });
  return {
    certificate: { of: "certificate", sha256: createHash("sha256").update(certificate.raw).digest("hex") },
    key: { of: "key", sha256: createHash("sha256").update(spki).digest("hex") },
  };
}

function okPin(of: Pin["of"], sha256: string): PinResult {
  return { kind: "ok", pin: { of, sha256 } };
}

function badPin(why: string): PinResult {
  return { kind: "bad", why };
}

function hexDigest(text: string): string | undefined {
  const hex = text.trim().replace(/[: ]/gu, "").toLowerCase();
  return /^[0-9a-f]{64}$/u.test(hex) ? hex : undefined;
}

function base64Digest(text: string): string | undefined {
  const base64 = text.trim();
  return /^[A-Za-z0-9+/]{43}=?$/u.test(base64) ? Buffer.from(base64, "base64").toString("hex") : undefined;
}
