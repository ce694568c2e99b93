/**
 * The files that a configuration speaks of: certificates, which are read when the configuration is, and secrets, which
 * are read when they are used but looked at now, so that a wrong mode or a missing file shows before anything starts.
 *
 * A variable or credential that is missing is only a warning: the service may well be given what the administrator's
 * shell has not. Relative paths start from the folder of the configuration file.
 */
import { X509Certificate } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { hasCode, textOf } from "./failure.ts";
import { caKeys, secretKeys, serverTls, type SecretKey, type WrittenTls } from "./file-keys.ts";
import type { Findings } from "./findings.ts";
import { keyText, type KeyPath } from "./key-path.ts";
import type { Draft } from "./schema.ts";
import { Secret, type SecretPorts, type SecretSource } from "./secret.ts";
import { judgeSecret } from "./secret-contents.ts";
import type { RawSecret } from "./secret-schema.ts";
import type { SecretForm } from "./secret-value.ts";
import { judgeServerCertificate } from "./server-certificate.ts";

const largestPem = 1024 * 1024;

export class ConfigFiles {
  readonly #folder: string;
  readonly #ports: SecretPorts;
  readonly #pems = new Map<string, string>();

  constructor(folder: string, ports: SecretPorts) {
    this.#folder = folder;
    this.#ports = ports;
  }

  path(written: string): string {
    return resolve(this.#folder, written);
  }

  secret(at: KeyPath, raw: RawSecret, form: SecretForm = "line"): Secret {
    return new Secret(keyText(at), this.#source(raw), this.#ports, form);
  }

  /** The text of a PEM file that `check` has read. */
  pem(written: string): string {
    const text = this.#pems.get(this.path(written));
    if (text === undefined) throw new TypeError("a CA file has not been read");
    return text;
  }

  /** Looks at every file that the draft names. `exposed`: others can read the configuration file itself. */
  async check(draft: Draft, exposed: boolean, findings: Findings): Promise<void> {
    for (const { at, paths } of caKeys(draft)) {
      for (const [index, written] of paths.entries())
        await this.#checkPem(written, paths.length > 1 ? [...at, index] : at, findings);
    }
    for (const { at, tls } of serverTls(draft)) await this.#checkServer(tls, at, findings);
    for (const secret of secretKeys(draft)) await this.#checkSecret(secret, exposed, findings);
    await this.#checkSpoolDir(draft, findings);
  }

  #source(raw: RawSecret): SecretSource {
    if (typeof raw === "string") return { kind: "plain", value: raw };
    if (raw.file !== undefined) return { kind: "file", path: this.path(raw.file) };
    if (raw.env !== undefined) return { kind: "env", name: raw.env };
    if (raw.credential !== undefined) return { kind: "credential", name: raw.credential };
    const [program, ...rest] = raw.command ?? [];
    if (program === undefined) throw new TypeError("a secret without a source has passed the schema");
    return { kind: "command", argv: [program, ...rest], timeoutMs: raw.timeout };
  }

  async #checkPem(written: string, at: KeyPath, findings: Findings): Promise<void> {
    const text = await this.#read(written, at, findings);
    if (text === undefined) return;
    const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/gu) ?? [];
    if (blocks.length === 0) {
      findings.error(at, `${written} holds no certificate in PEM form`, "It must hold -----BEGIN CERTIFICATE-----");
      return;
    }
    try {
      for (const block of blocks) void new X509Certificate(block);
      this.#pems.set(this.path(written), blocks.join("\n"));
    } catch (error) {
      findings.error(at, `${written} holds a certificate that cannot be read: ${textOf(error)}`);
    }
  }

  async #checkServer(tls: WrittenTls, at: KeyPath, findings: Findings): Promise<void> {
    const cert = await this.#read(tls.cert, [...at, "cert"], findings);
    const key = await this.#read(tls.key, [...at, "key"], findings);
    if (cert === undefined || key === undefined) return;
    for (const { kind, about, why, hint } of judgeServerCertificate(cert, key, Date.now())) {
      const words = `${tls[about]}: ${why}`;
      if (kind === "bad") findings.error([...at, about], words, hint);
      else findings.warn([...at, about], words, hint);
    }
  }

  async #read(written: string, at: KeyPath, findings: Findings): Promise<string | undefined> {
    const path = this.path(written);
    try {
      const found = await stat(path);
      if (!found.isFile()) findings.error(at, `${path} is not a regular file`);
      else if (found.size > largestPem) findings.error(at, `${path} is larger than any certificate`);
      else return await readFile(path, "latin1");
    } catch (error) {
      findings.error(
        at,
        hasCode(error, "ENOENT") ? `the file ${path} does not exist` : `${path} cannot be read: ${textOf(error)}`,
      );
    }
    return undefined;
  }

  async #checkSecret({ at, raw, purpose }: SecretKey, exposed: boolean, findings: Findings): Promise<void> {
    // A hash may stand in the file: that is what it is one for.
    if (typeof raw === "string" && purpose !== "user") {
      const hint = 'Keep it in a file of its own: { file = "/etc/popgate/secret" }';
      findings.warn(
        at,
        exposed ? "the secret stands in this file, which other users can read" : "the secret stands in this file",
        exposed ? `${hint}; and run chmod 600 on this one` : hint,
      );
    }
    if (typeof raw !== "string" && raw.command !== undefined) return;
    const result = await this.secret(at, raw, purpose === "dkim" ? "text" : "line").tryRead();
    if (result.kind === "ok") {
      const judgement = judgeSecret(result.value, purpose);
      if (judgement.kind === "bad") findings.error(at, judgement.why, judgement.hint);
      if (judgement.kind === "doubtful") findings.warn(at, judgement.why, judgement.hint);
      return;
    }
    if (
      purpose === "refresh" &&
      typeof raw !== "string" &&
      raw.file !== undefined &&
      !(await holdsText(this.path(raw.file)))
    ) {
      findings.warn(at, result.why, "Nobody has logged in yet. Run: popgate login");
      return;
    }
    const unset =
      typeof raw !== "string" && (raw.env !== undefined || (raw.credential !== undefined && !this.#hasCredentials()));
    if (unset) findings.warn(at, result.why, result.hint === "" ? "The service needs it" : result.hint);
    else findings.error(at, result.why, result.hint);
  }

  #hasCredentials(): boolean {
    return (this.#ports.env["CREDENTIALS_DIRECTORY"] ?? "") !== "";
  }

  async #checkSpoolDir({ spool }: Draft, findings: Findings): Promise<void> {
    if (spool === undefined) return;
    const path = this.path(spool.dir);
    const found = await stat(path).catch(() => undefined);
    // A folder that is not there yet is made when the spool is opened.
    if (found !== undefined && !found.isDirectory()) findings.error(["spool", "dir"], `${path} is not a folder`);
  }
}

/** False for a file that is empty or not there. */
async function holdsText(path: string): Promise<boolean> {
  try {
    return (await stat(path)).size > 0;
  } catch (error) {
    return !hasCode(error, "ENOENT");
  }
}
