/**
 * What a secret must hold to be of use: users have hashes of passwords, DKIM has private keys. Looked at when the
 * configuration is checked, so that it shows before the first login or the first signature. No word here holds any part
 * of a value.
 */
import { createPrivateKey, type KeyObject } from "node:crypto";
import { isPasswordHash } from "../core/password-hash.ts";

/**
 * `any`: a password or token of a server's, of which nothing can be said. `refresh`: as `any`, but `popgate login` can
 * make it, so that it may be missing at first.
 */
export type SecretPurpose = "any" | "refresh" | "user" | "dkim";

export type Judgement =
  | { readonly kind: "good" }
  | { readonly kind: "bad" | "doubtful"; readonly why: string; readonly hint: string };

const good: Judgement = { kind: "good" };

export function judgeSecret(value: string, purpose: SecretPurpose): Judgement {
  switch (purpose) {
    case "any":
    case "refresh":
      return good;
    case "user":
      return isPasswordHash(value)
        ? good
        : { kind: "bad", why: "it is not the hash of a password", hint: "Make it with: popgate passwd" };
    case "dkim":
      return judgeSigningKey(value);
  }
}

/** RFC 8301 §3.2: shorter ones must not be verified, and 2048 should be used. */
const leastRsaBits = 1024;
const goodRsaBits = 2048;

const howToMakeOne = "Make one with: openssl genrsa 2048";

function judgeSigningKey(pem: string): Judgement {
  const key = readKey(pem);
  if (!("type" in key)) return key;
  if (key.asymmetricKeyType === "ed25519")
    return {
      kind: "doubtful",
      why: "many receivers do not know Ed25519 (RFC 8463) and take such mail as unsigned",
      hint: "Use an RSA key",
    };
  if (key.asymmetricKeyType !== "rsa")
    return {
      kind: "bad",
      why: `a key of the kind ${key.asymmetricKeyType ?? "unknown"} cannot sign mail`,
      hint: "DKIM knows RSA and Ed25519",
    };
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits < leastRsaBits)
    return { kind: "bad", why: `a key of ${bits} bits, which receivers reject (RFC 8301)`, hint: howToMakeOne };
  return bits < goodRsaBits
    ? { kind: "doubtful", why: `a key of ${bits} bits is short (RFC 8301)`, hint: howToMakeOne }
    : good;
}

/** A private key, or why there is none. */
export function readKey(pem: string): KeyObject | Extract<Judgement, { readonly kind: "bad" | "doubtful" }> {
  const hint = "It must hold -----BEGIN PRIVATE KEY-----";
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/mu.test(pem))
    return { kind: "bad", why: "the key is encrypted, and nobody is there to type its password", hint: "Decrypt it" };
  if (!/-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----/u.test(pem))
    return { kind: "bad", why: "it holds no private key in PEM form", hint };
  try {
    return createPrivateKey(pem);
  } catch {
    // The library's words may quote the text.
    return { kind: "bad", why: "it holds a private key that cannot be read", hint };
  }
}
