/**
 * Passwords and tokens: where each is kept, and how it is read at the moment of use, so that one that was changed takes
 * effect without a restart. Nothing is cached.
 *
 * Guarantees: a `Secret` shows as `[secret]` however it is printed, stringified or inspected. A file that others can read
 * is refused, as OpenSSH does, because a password in it must be taken as known. A command is started from its argument
 * list, never through a shell. A value is one line: a line break in it could become a second command of a mail protocol.
 *
 * Fails with words that name the configuration key and what to do, never with any part of the value.
 * Credentials: systemd.exec(5), `LoadCredential=`; their directory is private to the service, so modes are not checked.
 */
import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { inspect } from "node:util";
import { hasCode, textOf } from "./failure.ts";

export type SecretSource =
  | { readonly kind: "plain"; readonly value: string }
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "env"; readonly name: string }
  | { readonly kind: "command"; readonly argv: readonly [string, ...string[]]; readonly timeoutMs: number }
  /** A file of that name in `$CREDENTIALS_DIRECTORY`. */
  | { readonly kind: "credential"; readonly name: string };

export type SecretResult =
  | { readonly kind: "ok"; readonly value: string }
  | { readonly kind: "bad"; readonly why: string; readonly hint: string };

type Failure = Extract<SecretResult, { readonly kind: "bad" }>;

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

/** Larger than any key or token in use; keeps a mistaken path from being read into memory whole. */
const maxOctets = 64 * 1024;

export class Secret {
  /** Its place in the configuration, for messages: `collector[1].password`. */
  readonly key: string;
  readonly #source: SecretSource;
  readonly #ports: SecretPorts;

  constructor(key: string, source: SecretSource, ports: SecretPorts) {
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
    const result = await fetchSecret(this.#source, this.#ports, signal);
    signal?.throwIfAborted();
    if (result.kind === "ok") this.#ports.onValue(result.value);
    return result;
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

async function fetchSecret(source: SecretSource, ports: SecretPorts, signal: AbortSignal | undefined) {
  switch (source.kind) {
    case "plain":
      return checkValue(source.value);
    case "env": {
      const value = ports.env[source.name];
      return value === undefined ? bad(`the environment variable ${source.name} is not set`, "") : checkValue(value);
    }
    case "file":
      return readSecretFile(source.path, (mode, owner) => refuseShared(source.path, mode, owner, ports.uid));
    case "credential":
      return readCredential(source.name, ports.env["CREDENTIALS_DIRECTORY"]);
    case "command":
      return runCommand(source.argv, source.timeoutMs, ports.env, signal);
  }
}

function readCredential(name: string, dir: string | undefined): Promise<SecretResult> | SecretResult {
  return dir === undefined || dir === ""
    ? bad("CREDENTIALS_DIRECTORY is not set: systemd sets it for a service", `Add LoadCredential=${name}:… to the unit`)
    : readSecretFile(join(dir, name), () => undefined);
}

/** Asks the open file, not its name, so that what was checked is what is read. */
async function readSecretFile(
  path: string,
  refuse: (mode: number, owner: number) => Failure | undefined,
): Promise<SecretResult> {
  try {
    // Not to wait for ever on a FIFO, which is refused below.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = await file.stat();
    if (!stat.isFile()) return bad(`${path} is not a regular file`, "");
    const refusal = refuse(stat.mode, stat.uid);
    if (refusal !== undefined) return refusal;
    const buffer = Buffer.alloc(maxOctets + 1);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
    return checkValue(buffer.subarray(0, bytesRead));
  } catch (error) {
    if (hasCode(error, "ENOENT")) return bad(`the file ${path} does not exist`, "");
    if (hasCode(error, "EACCES"))
      return bad(`the file ${path} cannot be read by this user`, "It must belong to the user that popgate runs as");
    return bad(`the file ${path} cannot be read: ${textOf(error)}`, "");
  }
}

/**
 * Root may read a private file of any owner: it is how an administrator checks the files of the service's user. For
 * anyone else a foreign owner could change the mode, and the value, at will.
 */
function refuseShared(path: string, mode: number, owner: number, uid: number | undefined): Failure | undefined {
  if (uid === undefined) return undefined;
  if (owner !== uid && owner !== 0 && uid !== 0)
    return bad(`the file ${path} belongs to another user (uid ${owner})`, `Run: chown ${uid} ${path}`);
  if ((mode & 0o077) !== 0)
    return bad(
      `the file ${path} can be reached by group or others (mode ${(mode & 0o777).toString(8).padStart(4, "0")})`,
      `Run: chmod 600 ${path}`,
    );
  return undefined;
}

function runCommand(
  argv: readonly [string, ...string[]],
  timeoutMs: number,
  env: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal | undefined,
): Promise<SecretResult> {
  const [program, ...rest] = argv;
  return new Promise((resolve) => {
    const options = {
      timeout: timeoutMs,
      killSignal: "SIGKILL" as const,
      maxBuffer: maxOctets,
      encoding: "buffer" as const,
      env: { ...env },
      ...(signal === undefined ? {} : { signal }),
    };
    execFile(program, rest, options, (error, stdout, stderr) => {
      resolve(error === null ? checkValue(stdout) : bad(commandFailure(program, error, stderr, timeoutMs), ""));
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

function checkValue(raw: string | Buffer): SecretResult {
  if (raw.length > maxOctets) return bad(`it is longer than ${maxOctets} octets`, "");
  let text: string;
  try {
    text = typeof raw === "string" ? raw : new TextDecoder("utf-8", { fatal: true }).decode(raw);
  } catch {
    return bad("it is not UTF-8 text", "");
  }
  const value = text.replace(/[\r\n]+$/u, "");
  if (value === "") return bad("it is empty", "");
  if (/[\r\n\0]/u.test(value)) return bad("it has more than one line, or a NUL", "A secret is one line of text");
  return { kind: "ok", value };
}

function bad(why: string, hint: string): Failure {
  return { kind: "bad", why, hint };
}
