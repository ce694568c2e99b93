/** The environment that the example configurations read their secrets from. Keys are made anew for each run. */
import { generateKeyPairSync, type KeyExportOptions, type KeyObject } from "node:crypto";
import { hashPassword } from "../../src/core/password-hash.ts";

function rsa(modulusLength: number) {
  return generateKeyPairSync("rsa", { modulusLength });
}

function pem(key: KeyObject, options: Partial<KeyExportOptions<"pem">> = {}): string {
  const type = key.type === "public" ? "spki" : "pkcs8";
  return key.export({ format: "pem", type, ...options }).toString();
}

const good = rsa(2048);

export const env: Readonly<Record<string, string>> = {
  POP_PASSWORD: "geheim",
  SMTP_PASSWORD: "geheim",
  OAUTH_TOKEN: "geheim",
  SCANNER_HASH: await hashPassword("geheim", { ln: 10 }),
  DKIM_KEY: pem(good.privateKey),
  DKIM_KEY_PKCS1: pem(good.privateKey, { type: "pkcs1" }),
  DKIM_KEY_1024: pem(rsa(1024).privateKey),
  DKIM_KEY_768: pem(rsa(768).privateKey),
  DKIM_KEY_PUBLIC: pem(good.publicKey),
  DKIM_KEY_ENCRYPTED: pem(good.privateKey, { cipher: "aes-128-cbc", passphrase: "geheim" }),
  DKIM_KEY_CUT: pem(good.privateKey).replace(/\n[^\n]+\n-----END/u, "\n-----END"),
  DKIM_KEY_EC: pem(generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey),
  DKIM_KEY_ED25519: pem(generateKeyPairSync("ed25519").privateKey),
};
