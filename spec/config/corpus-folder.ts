/**
 * The folders of configurations as they are read in specs: a copy in a temporary directory, with certificates and keys
 * beside them that are made anew for each run. No key is kept in the project.
 */
import { createPrivateKey } from "node:crypto";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { makeCertificate, type KeyAndCertificate } from "../fakes/certificates.ts";

const corpus = fileURLToPath(new URL("../corpus/", import.meta.url));
let copy: string | undefined;

/** The path of one of the folders `config-bad`, `config-doubtful` and `config-good`, or of a file in one. */
export function corpusPath(name: string): string {
  copy ??= makeCopy();
  return path.join(copy, name);
}

function makeCopy(): string {
  const dir = mkdtempSync(path.join(tmpdir(), "popgate-corpus-"));
  process.once("exit", () => rmSync(dir, { recursive: true, force: true }));
  const server = makeCertificate({ name: "popgate.firma.example", hosts: ["popgate.firma.example"] });
  const other = makeCertificate({ name: "other.firma.example" });
  const expired = makeCertificate({
    name: "popgate.firma.example",
    hosts: ["popgate.firma.example"],
    from: new Date("2020-01-01T00:00:00Z"),
    to: new Date("2021-01-01T00:00:00Z"),
  });
  for (const folder of ["config-bad", "config-doubtful", "config-good"]) {
    cpSync(path.join(corpus, folder), path.join(dir, folder), { recursive: true });
    const write = (name: string, text: string): void =>
      writeFileSync(path.join(dir, folder, name), text, { mode: 0o600 });
    write("server.pem", server.cert);
    write("server-key.pem", server.key);
    write("other-key.pem", other.key);
    write("expired.pem", expired.cert);
    write("expired-key.pem", expired.key);
    write("encrypted-key.pem", encrypted(server));
  }
  return dir;
}

function encrypted({ key }: KeyAndCertificate): string {
  const options = { type: "pkcs8", format: "pem", cipher: "aes-128-cbc", passphrase: "geheim" } as const;
  return createPrivateKey(key).export(options).toString();
}
