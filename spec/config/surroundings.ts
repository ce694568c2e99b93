/** The environment that the example configurations read their secrets from. Keys are made anew for each run. */
import { generateKeyPairSync } from "node:crypto";
import { hashPassword } from "../../src/core/password-hash.ts";

const pkcs8 = { format: "pem", type: "pkcs8" } as const;

function rsa(modulusLength: number) {
  return generateKeyPairSync("rsa", { modulusLength });
}

const good = rsa(2048);

export const env: Readonly<Record<string, string>> = {
  POP_PASSWORD: "geheim",
  SMTP_PASSWORD: "geheim",
  OAUTH_TOKEN: "geheim",
  SCANNER_HASH: await hashPassword("geheim", { ln: 10 }),
  DKIM_KEY: good.privateKey.export(pkcs8),
  DKIM_KEY_PKCS1: good.privateKey.export({ format: "pem", type: "pkcs1" }),
  DKIM_KEY_1024: rsa(1024).privateKey.export(pkcs8),
  DKIM_KEY_768: rsa(768).privateKey.export(pkcs8),
  DKIM_KEY_PUBLIC: good.publicKey.export({ format: "pem", type: "spki" }),
  DKIM_KEY_ENCRYPTED: good.privateKey.export({ ...pkcs8, cipher: "aes-128-cbc", passphrase: "geheim" }),
  DKIM_KEY_CUT: good.privateKey.export(pkcs8).replace(/\n[^\n]+\n-----END/u, "\n-----END"),
  DKIM_KEY_EC: generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey.export(pkcs8),
  DKIM_KEY_ED25519: generateKeyPairSync("ed25519").privateKey.export(pkcs8),
};
