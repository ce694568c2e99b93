/**
 * A certificate of ours and its key, of the listener or of the web page: read, checked against each other, and read
 * again when the files change.
 *
 * A pair that cannot be used is refused with the file and what is wrong with it; while the program runs the old pair
 * then stays in use. Certificate and key are usually replaced one after the other, so a pair that does not fit is looked
 * at once more before anybody is told. Expiry is no reason to refuse a pair: mail that would be encrypted under an old
 * certificate is better than none, and most clients of a smarthost do not look; but it is told.
 *
 * TLS 1.2 at least (RFC 8996).
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { createSecureContext, type SecureContext, type SecureContextOptions } from "node:tls";
import type { EventSink } from "../core/events.ts";
import type { Clock, EpochMs } from "../core/ports.ts";

/** Absolute paths of PEM files; the certificate is followed by its intermediates. */
export interface ServerTlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface ServerIdentity {
  readonly context: SecureContext;
  /** What the context is made of, for servers that make their own. */
  readonly options: SecureContextOptions;
  readonly subject: string;
  readonly from: EpochMs;
  readonly until: EpochMs;
}

export type IdentityResult =
  | { readonly kind: "ok"; readonly identity: ServerIdentity }
  | { readonly kind: "bad"; readonly file: string; readonly why: string };

/** Reads the pair and checks that it can be used. */
export async function loadServerIdentity({ certFile, keyFile }: ServerTlsFiles): Promise<IdentityResult> {
  const cert = await readPem(certFile);
  if (cert.kind === "bad") return cert;
  const certificate = parseCertificate(cert.text);
  if (typeof certificate === "string") return { kind: "bad", file: certFile, why: certificate };
  const keyText = await readPem(keyFile);
  if (keyText.kind === "bad") return keyText;
  const key = parseKey(keyText.text);
  if (typeof key === "string") return { kind: "bad", file: keyFile, why: key };
  if (!certificate.checkPrivateKey(key)) {
    return { kind: "bad", file: keyFile, why: `the key does not belong to the certificate in ${certFile}` };
  }
  try {
    const options: SecureContextOptions = {
      cert: cert.text,
      key: keyText.text,
      minVersion: "TLSv1.2",
      honorCipherOrder: true,
      sessionIdContext: "popgate",
    };
    const context = createSecureContext(options);
    const subject = certificate.subject.split("\n").toReversed().join(", ");
    const from = certificate.validFromDate.getTime();
    return { kind: "ok", identity: { context, options, subject, from, until: certificate.validToDate.getTime() } };
  } catch (error) {
    return { kind: "bad", file: certFile, why: `TLS cannot use it: ${messageOf(error)}` };
  }
}

export interface IdentityWatchOptions {
  readonly files: ServerTlsFiles;
  readonly clock: Clock;
  readonly events: EventSink;
  /** Between two looks at the files. */
  readonly everyMs: number;
  /** A new pair is to be used from now on. */
  readonly onChange: (identity: ServerIdentity) => void;
}

/** What of a certificate's last days is told, and how often. */
const expiryWarningMs = 14 * 24 * 60 * 60 * 1000;
const expiryRepeatMs = 24 * 60 * 60 * 1000;

/** A pair in use. Watches the files until it is disposed. */
export class ServerIdentityWatch implements AsyncDisposable {
  readonly #options: IdentityWatchOptions;
  readonly #end = new AbortController();
  readonly #watching: Promise<void>;
  #identity: ServerIdentity;
  /** The files as they were when they were last read. */
  #seen: string;
  #warnedAt: EpochMs | undefined;

  private constructor(options: IdentityWatchOptions, identity: ServerIdentity, seen: string) {
    this.#options = options;
    this.#identity = identity;
    this.#seen = seen;
    this.#tellLoaded();
    this.#warnOfExpiry();
    this.#watching = this.#watch();
  }

  /** Loads the pair and begins to watch; `bad` when it cannot be used. */
  static async open(
    options: IdentityWatchOptions,
  ): Promise<
    { readonly kind: "ok"; readonly watch: ServerIdentityWatch } | Extract<IdentityResult, { readonly kind: "bad" }>
  > {
    // Looked at before it is read: a change in between is seen at the next look.
    const seen = await stampOf(options.files);
    const result = await loadServerIdentity(options.files);
    if (result.kind === "bad") return result;
    return { kind: "ok", watch: new ServerIdentityWatch(options, result.identity, seen) };
  }

  get identity(): ServerIdentity {
    return this.#identity;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await this.#watching;
  }

  async #watch(): Promise<void> {
    const { clock, everyMs, files } = this.#options;
    /** Files that did not fit together when they were looked at last. */
    let doubtful: string | undefined;
    for (;;) {
      try {
        await clock.sleep(everyMs, this.#end.signal);
      } catch {
        return;
      }
      this.#warnOfExpiry();
      const stamp = await stampOf(files);
      if (stamp === this.#seen) continue;
      const result = await loadServerIdentity(files);
      if (this.#end.signal.aborted) return;
      if (result.kind === "ok") this.#use(result.identity, stamp);
      else if (stamp === doubtful) this.#refuse(result.file, result.why, stamp);
      doubtful = result.kind === "ok" ? undefined : stamp;
    }
  }

  #use(identity: ServerIdentity, stamp: string): void {
    this.#seen = stamp;
    const { certFile } = this.#options.files;
    const now = this.#options.clock.now();
    if (identity.until <= now && this.#identity.until > now) {
      this.#refuse(certFile, `it expired on ${new Date(identity.until).toISOString()}`, stamp);
      return;
    }
    this.#identity = identity;
    this.#options.onChange(identity);
    this.#tellLoaded();
    this.#warnedAt = undefined;
    this.#warnOfExpiry();
  }

  #refuse(file: string, detail: string, stamp: string): void {
    this.#seen = stamp;
    this.#options.events.emit({ kind: "certificate-refused", file, detail });
  }

  #tellLoaded(): void {
    const { subject, until } = this.#identity;
    this.#options.events.emit({ kind: "certificate-loaded", file: this.#options.files.certFile, subject, until });
  }

  #warnOfExpiry(): void {
    const now = this.#options.clock.now();
    const { from, until } = this.#identity;
    if (now >= from && until - now > expiryWarningMs) return;
    if (this.#warnedAt !== undefined && Math.abs(now - this.#warnedAt) < expiryRepeatMs) return;
    this.#warnedAt = now;
    this.#options.events.emit({ kind: "certificate-expiring", file: this.#options.files.certFile, from, until });
  }
}

/** Changes whenever one of the files does. */
async function stampOf({ certFile, keyFile }: ServerTlsFiles): Promise<string> {
  const stamps = [certFile, keyFile].map(async (file) => {
    try {
      const { mtimeMs, ctimeMs, size, ino } = await stat(file);
      return `${mtimeMs} ${ctimeMs} ${size} ${ino}`;
    } catch (error) {
      return messageOf(error);
    }
  });
  return (await Promise.all(stamps)).join(" / ");
}

type Pem =
  | { readonly kind: "ok"; readonly text: string }
  | { readonly kind: "bad"; readonly file: string; readonly why: string };

async function readPem(file: string): Promise<Pem> {
  try {
    return { kind: "ok", text: await readFile(file, "utf8") };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "";
    if (code === "ENOENT") return { kind: "bad", file, why: "there is no such file" };
    if (code === "EACCES" || code === "EPERM") return { kind: "bad", file, why: "it may not be read by this user" };
    return { kind: "bad", file, why: `it cannot be read: ${messageOf(error)}` };
  }
}

function parseCertificate(text: string): X509Certificate | string {
  if (!/-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/u.test(text)) return "it holds no certificate in PEM form";
  try {
    return new X509Certificate(text);
  } catch (error) {
    return `its certificate cannot be read: ${messageOf(error)}`;
  }
}

function parseKey(text: string): KeyObject | string {
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/u.test(text)) return "it holds no private key in PEM form";
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/mu.test(text)) {
    return "its key is protected by a passphrase; store it without one";
  }
  try {
    return createPrivateKey(text);
  } catch (error) {
    return `its key cannot be read: ${messageOf(error)}`;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
