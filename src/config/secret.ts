/**
 * Passwords and tokens: where each is kept, and how it is read at the moment of use, so that one that was changed takes
 * effect without a restart. Nothing is cached.
 *
 * Guarantees: a `Secret` shows as `[secret]` however it is printed, stringified or inspected. A file that others can read
 * is refused, as OpenSSH does, because a password in it must be taken as known. A command is started from its argument
 * list, never through a shell. A value is one line: a line break in it could become a second command of a mail protocol.
 * Only keys in PEM have several.
 *
 * Fails with words that name the configuration key and what to do, never with any part of the value.
 * Credentials: systemd.exec(5), `LoadCredential=`; their directory is private to the service, so modes are not checked.
 */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { inspect } from "node:util";
import { hasCode } from "./failure.ts";
import { readSecretFile, refuseShared, replaceSecretFile, whyNotReplaceable } from "./secret-file.ts";
import {
  badSecret,
  checkSecret,
  longestSecret,
  type SecretFailure,
  type SecretForm,
  type SecretResult,
} from "./secret-value.ts";

export type SecretSource =
  | { readonly kind: "plain"; readonly value: string }
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "env"; readonly name: string }
  | { readonly kind: "command"; readonly argv: readonly [string, ...string[]]; readonly timeoutMs: number }
  /** A file of that name in `$CREDENTIALS_DIRECTORY`. */
  | { readonly kind: "credential"; readonly name: string };

/** A secret could not be read. `key` is its place in the configuration; the message says why and never holds a value. */
export class SecretError extends Error {
  override readonly name = "SecretError";
  readonly code = "SECRET_UNREADABLE";
  readonly key: string;
  constructor(key: string, why: string, hint: string) {
    super(hint === "" ? `${key}: ${why}` : `${key}: ${why}. ${hint}`);
    this.key = key;
  }
}

/** What a secret is read with: the process's surroundings, and someone to tell of each value (the log's redaction). */
export interface SecretPorts {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly onValue: (value: string) => void;
  /** The user that popgate runs as; `undefined` where the platform has none. */
  readonly uid: number | undefined;
}

export class Secret {
  /** Its place in the configuration, for messages: `collector[1].password`. */
  readonly key: string;
  readonly #source: SecretSource;
  readonly #ports: SecretPorts;
  readonly #form: SecretForm;

  constructor(key: string, source: SecretSource, ports: SecretPorts, form: SecretForm = "line") {
    this.#form = form;
    this.key = key;
    this.#source = source;
    this.#ports = ports;
  }

  /** The value as it is now. Rejects with `SecretError`, or with the signal's reason. */
  async read(signal?: AbortSignal): Promise<string> {
    const result = await this.tryRead(signal);
    if (result.kind === "bad") throw new SecretError(this.key, result.why, result.hint);
    return result.value;
  }

  /** As `read`, with the failure as a value. Rejects only with the signal's reason. */
  async tryRead(signal?: AbortSignal): Promise<SecretResult> {
    signal?.throwIfAborted();
    const result = await fetchSecret(this.#source, this.#form, this.#ports, signal);
    signal?.throwIfAborted();
    if (result.kind === "ok") this.#ports.onValue(result.value);
    return result;
  }

  /**
   * Puts another value in the place of this one, for tokens that a server renews. Only a file can be written: for all
   * other places this is `undefined`. Resolves when the new value is durable; a crash leaves the old one or the new.
   */
  get replace(): ((value: string) => Promise<void>) | undefined {
    const source = this.#source;
    if (source.kind !== "file") return undefined;
    return async (value) => {
      this.#ports.onValue(value);
      await replaceSecretFile(source.path, value);
    };
  }

  /** Why `replace` could not put a value there; `undefined` when nothing speaks against it. Changes nothing. */
  async whyNotReplaceable(): Promise<SecretFailure | undefined> {
    return this.#source.kind === "file"
      ? whyNotReplaceable(this.#source.path)
      : badSecret(`it is ${this.origin}, where popgate cannot put it`, 'Write { file = "…" }');
  }

  /** Where it is kept, in words. */
  get origin(): string {
    switch (this.#source.kind) {
      case "plain":
        return "in the configuration file";
      case "file":
        return `in the file ${this.#source.path}`;
      case "env":
        return `in the environment variable ${this.#source.name}`;
      case "command":
        return `printed by ${this.#source.argv[0]}`;
      case "credential":
        return `in the service credential ${this.#source.name}`;
    }
  }

  toString(): string {
    return "[secret]";
  }

  toJSON(): string {
    return "[secret]";
  }

  [inspect.custom](): string {
    return "[secret]";
  }
}

async function fetchSecret(
  source: SecretSource,
  form: SecretForm,
  ports: SecretPorts,
  signal: AbortSignal | undefined,
): Promise<SecretResult> {
  switch (source.kind) {
    case "plain":
      return checkSecret(source.value, form);
    case "env": {
      const value = ports.env[source.name];
      return value === undefined
        ? badSecret(`the environment variable ${source.name} is not set`, "")
        : checkSecret(value, form);
    }
    case "file":
      return readSecretFile(source.path, form, (mode, owner) => refuseShared(source.path, mode, owner, ports.uid));
    case "credential":
      return readCredential(source.name, form, ports.env["CREDENTIALS_DIRECTORY"]);
    case "command":
      return runCommand(source, form, ports.env, signal);
  }
}

function readCredential(name: string, form: SecretForm, dir: string | undefined): Promise<SecretResult> | SecretResult {
  return dir === undefined || dir === ""
    ? badSecret(
        "CREDENTIALS_DIRECTORY is not set: systemd sets it for a service",
        `Add LoadCredential=${name}:… to the unit`,
      )
    : readSecretFile(join(dir, name), form, () => undefined);
}

function runCommand(
  { argv, timeoutMs }: Extract<SecretSource, { kind: "command" }>,
  form: SecretForm,
  env: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal | undefined,
): Promise<SecretResult> {
  const [program, ...rest] = argv;
  return new Promise((resolve) => {
    const options = {
      timeout: timeoutMs,
      killSignal: "SIGKILL" as const,
      maxBuffer: longestSecret,
      encoding: "buffer" as const,
      env: { ...env },
      ...(signal === undefined ? {} : { signal }),
    };
    execFile(program, rest, options, (error, stdout, stderr) => {
      resolve(
        error === null ? checkSecret(stdout, form) : badSecret(commandFailure(program, error, stderr, timeoutMs), ""),
      );
    });
  });
}

function commandFailure(program: string, error: Error, stderr: Buffer, timeoutMs: number): string {
  if (hasCode(error, "ENOENT")) return `the command ${program} was not found`;
  if (hasCode(error, "EACCES")) return `the command ${program} cannot be executed`;
  if (hasCode(error, "ERR_CHILD_PROCESS_STDIO_MAXBUFFER")) return `the command ${program} printed too much`;
  if ("killed" in error && error.killed === true)
    return `the command ${program} took longer than ${Math.round(timeoutMs / 1000)} s`;
  const status = "code" in error && typeof error.code === "number" ? ` with status ${error.code}` : "";
  const said = stderr.toString("utf8").trim().split("\n").at(-1)?.slice(0, 200) ?? "";
  return `the command ${program} failed${status}${said === "" ? "" : `, saying: ${said}`}`;
}
