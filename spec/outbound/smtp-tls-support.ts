/** Certificate and key in files of a temporary folder, as the listener's options name them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach } from "vitest";
import type { ServerTlsFiles } from "../../src/net/server-tls.ts";
import type { KeyAndCertificate } from "../fakes/certificates.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

export function certificateFiles({ cert, key }: KeyAndCertificate): ServerTlsFiles {
  const folder = mkdtempSync(path.join(tmpdir(), "popgate-tls-"));
  folders.push(folder);
  const files = { certFile: path.join(folder, "cert.pem"), keyFile: path.join(folder, "key.pem") };
  writeFileSync(files.certFile, cert);
  writeFileSync(files.keyFile, key);
  return files;
}
