/**
 * Makes a private CA and a server certificate for popgate's own listeners (SMTP, web page) into certs/: `make certs`.
 *
 * Usage: certs.ts [--force] [--new-ca] [--dir DIR] [NAME …]; without names those in the variable NAMES, or this host's.
 * Guarantees: nothing that exists is replaced without --force, and the CA not without --new-ca as well; files appear
 * whole or not at all; keys are readable by their owner only. A CA that is there is used again, so that what trusts it
 * goes on doing so. Fails with a sentence and exit code 1; needs the `openssl` command.
 *
 * ECDSA P-256, names in the subjectAltName (RFC 9525), the server's certificate good for less than 825 days (longer ones
 * are refused by Apple's clients even from private CAs), the CA for ten years and unable to make further CAs (RFC 5280
 * §4.2.1.9).
 */
import { execFile } from "node:child_process";
import { randomBytes, X509Certificate } from "node:crypto";
import { access, chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { isIP } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";

const run = promisify(execFile);

const caDays = 3650;
const serverDays = 820;

export interface CertsOptions {
  readonly dir: string;
  /** Host names and IP addresses; the first becomes the subject. */
  readonly names: readonly string[];
  /** Replace a server certificate that is there. */
  readonly force: boolean;
  /** With `force`: replace the CA, too. */
  readonly newCa: boolean;
  /** The command; `openssl` unless a spec says otherwise. */
  readonly openssl?: string;
}

export interface CertsResult {
  readonly madeCa: boolean;
  readonly server: X509Certificate;
}

/** What stands in the way, for the person at the terminal. */
export class CertsError extends Error {
  override readonly name = "CertsError";
}

/** Makes what is missing. Rejects with `CertsError` for everything that a person can put right. */
export async function makeCerts(options: CertsOptions): Promise<CertsResult> {
  const names = checkNames(options.names);
  const file = (name: string) => join(options.dir, name);
  const serverThere = (await exists(file("server.pem"))) || (await exists(file("server.key")));
  if (serverThere && !options.force)
    throw new CertsError(`${file("server.pem")} or its key is already there; --force replaces it`);
  if (options.newCa && !options.force) throw new CertsError("--new-ca replaces the CA only together with --force");
  const caThere = [await exists(file("ca.pem")), await exists(file("ca.key"))];
  const keepCa = caThere.includes(true) && !options.newCa;
  if (keepCa && caThere.includes(false))
    throw new CertsError(`of ${file("ca.pem")} and ${file("ca.key")} one is missing; --force --new-ca makes both anew`);

  await mkdir(options.dir, { recursive: true });
  const work = await mkdtemp(join(options.dir, ".making-"));
  try {
    const made = (name: string) => join(work, name);
    const openssl = (...args: string[]) => callOpenssl(options.openssl ?? "openssl", args);
    await writeFile(made("openssl.cnf"), opensslConfig(names));
    if (!keepCa) await makeCa(openssl, made);
    const ca = keepCa ? file : made;
    await checkCa(ca("ca.pem"));
    await makeServer(openssl, made, ca);
    const server = new X509Certificate(await readFile(made("server.pem")));
    if (!server.verify(new X509Certificate(await readFile(ca("ca.pem"))).publicKey))
      throw new CertsError(`${ca("ca.key")} is not the key of ${ca("ca.pem")}`);
    // Keys first: a certificate without its key is of no use, and this order leaves none.
    const ready = [...(keepCa ? [] : ["ca.key", "ca.pem"]), "server.key", "server.pem"];
    for (const name of ready) await rename(made(name), file(name));
    return { madeCa: !keepCa, server };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

type Openssl = (...args: string[]) => Promise<void>;
type Place = (name: string) => string;

async function makeCa(openssl: Openssl, made: Place): Promise<void> {
  await makeKey(openssl, made("ca.key"));
  const days = String(caDays);
  const common = ["-config", made("openssl.cnf"), "-key", made("ca.key"), "-sha256", "-out", made("ca.pem")];
  // A name of its own for each CA: two of one name and different keys confuse those who trust both.
  const subject = `/CN=popgate private CA ${randomBytes(4).toString("hex")}`;
  await openssl("req", "-x509", "-new", ...common, "-days", days, "-subj", subject, "-extensions", "ca");
}

async function makeServer(openssl: Openssl, made: Place, ca: Place): Promise<void> {
  await makeKey(openssl, made("server.key"));
  const config = made("openssl.cnf");
  await openssl("req", "-new", "-config", config, "-key", made("server.key"), "-out", made("server.csr"));
  // RFC 5280 §4.1.2.2: positive, at most 20 octets.
  const serial = `0x01${randomBytes(15).toString("hex")}`;
  const signer = ["-CA", ca("ca.pem"), "-CAkey", ca("ca.key"), "-set_serial", serial, "-sha256"];
  const extensions = ["-extfile", config, "-extensions", "server"];
  const out = ["-in", made("server.csr"), "-out", made("server.pem"), "-days", String(serverDays)];
  await openssl("x509", "-req", ...out, ...signer, ...extensions);
}

async function makeKey(openssl: Openssl, path: string): Promise<void> {
  // Made before openssl writes to it, so that it is never readable by others.
  await writeFile(path, "", { mode: 0o600, flag: "wx" });
  await openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path);
  await chmod(path, 0o600);
}

async function checkCa(path: string): Promise<void> {
  const ca = new X509Certificate(await readFile(path));
  if (!ca.ca) throw new CertsError(`${path} is not the certificate of a CA`);
  if (ca.validToDate.getTime() < Date.now() + serverDays * 24 * 60 * 60 * 1000)
    throw new CertsError(`${path} ends before a new certificate would; --force --new-ca makes another`);
}

function opensslConfig(names: readonly string[]): string {
  const alternatives = names.map((name, at) => `${isIP(name) === 0 ? "DNS" : "IP"}.${at + 1} = ${name}`);
  // RFC 5280 appendix A: a common name has at most 64 characters.
  const commonName = names.find((name) => name.length <= 64) ?? "popgate";
  return `[req]
distinguished_name = subject
prompt = no
string_mask = utf8only
[subject]
CN = ${commonName}
[ca]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = @names
[names]
${alternatives.join("\n")}
`;
}

/** Only what cannot be anything else in openssl's configuration file. */
function checkNames(names: readonly string[]): readonly string[] {
  if (names.length === 0) throw new CertsError("for which host? Give its names and addresses");
  const label = /^(?:\*\.)?[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/iu;
  for (const name of names)
    if (isIP(name) === 0 && (name.length > 253 || !label.test(name)))
      throw new CertsError(`${JSON.stringify(name)} is neither a host name nor an IP address`);
  return [...new Set(names.map((name) => name.toLowerCase()))];
}

async function callOpenssl(command: string, args: readonly string[]): Promise<void> {
  try {
    await run(command, args, { timeout: 60_000 });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT")
      throw new CertsError(
        `the command ${command} is missing. Install it (Debian: apt install openssl), ` +
          `or put certificates of your own in place as certs/README.md says`,
        { cause: error },
      );
    throw new CertsError(`openssl ${args[0]} failed: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      force: { type: "boolean", default: false },
      "new-ca": { type: "boolean", default: false },
      dir: { type: "string", default: join(import.meta.dirname, "..", "certs") },
    },
  });
  const asked = positionals.length > 0 ? positionals : (process.env["NAMES"] ?? "").split(/[\s,]+/u);
  const given = asked.filter((name) => name !== "");
  const names = given.length > 0 ? given : [hostname(), "localhost", "127.0.0.1", "::1"];
  const { madeCa, server } = await makeCerts({ dir: values.dir, names, force: values.force, newCa: values["new-ca"] });
  console.log(`${madeCa ? "A new CA and a" : "A"} certificate for ${names.join(", ")} in ${values.dir}:`);
  console.log(`  server.pem, server.key   for popgate, until ${server.validToDate.toISOString().slice(0, 10)}`);
  console.log(`  ca.pem                   for whoever connects: import it as a trusted root there`);
  console.log(`  ca.key                   signs further certificates: keep it away from the server if you can`);
  console.log(`  fingerprint = "sha256:${server.fingerprint256.replaceAll(":", "").toLowerCase()}"`);
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    if (!(error instanceof CertsError)) throw error;
    console.error(`certs: ${error.message}`);
    process.exitCode = 1;
  }
}
