/**
 * `popgate passwd [NAME]`: makes the hash of a password for `users` of `[listener]` and `[admin] web`.
 *
 * On a terminal the password is asked for twice, without echo. Otherwise it is the first line of standard input, so that
 * scripts can give it; never an argument, which other users could see in the list of processes. Only the hash goes to
 * stdout, so that it can be sent to a file; what to write into the configuration goes to stderr.
 *
 * Exit status: 0 done, 1 no password, two different ones, or given up with Ctrl-C.
 */
import { hashPassword } from "../core/password-hash.ts";
import { exitStatus } from "./exit-status.ts";
import { HiddenTerminal, readFirstLine, type PasswordInput } from "./password-input.ts";

export interface PasswdSurroundings {
  readonly stdin: PasswordInput;
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
}

/**
 * Guesses at the listener are slowed down, guesses at a hash that has got out are not: below this length they may well
 * succeed.
 */
const shortPassword = 12;

/** Resolves with the exit status. */
export async function runPasswd(name: string | undefined, around: PasswdSurroundings = process): Promise<number> {
  const { stderr } = around;
  const entered = await (around.stdin.isTTY === true ? askTwice(around) : fromInput(around.stdin));
  if (entered.kind === "none") {
    stderr.write(`popgate: ${entered.why}\n`);
    return exitStatus.failed;
  }
  const { password } = entered;
  const length = Array.from(password).length;
  if (length < shortPassword)
    stderr.write(`warning: a password of ${length} character(s) can be guessed; take ${shortPassword} or more\n`);
  const hash = await hashPassword(password);
  around.stdout.write(`${hash}\n`);
  stderr.write(advice(name ?? "NAME", hash));
  return exitStatus.ok;
}

type Entered =
  | { readonly kind: "password"; readonly password: string }
  | { readonly kind: "none"; readonly why: string };

async function fromInput(stdin: PasswordInput): Promise<Entered> {
  const line = await readFirstLine(stdin);
  if (line.kind === "not-text") return { kind: "none", why: "the password is not UTF-8 text, or too long" };
  return line.text === ""
    ? { kind: "none", why: "no password was given on standard input" }
    : { kind: "password", password: line.text };
}

async function askTwice({ stdin, stderr }: PasswdSurroundings): Promise<Entered> {
  using terminal = new HiddenTerminal(stdin, stderr);
  const first = await terminal.ask("Password: ");
  if (first === undefined) return { kind: "none", why: "given up" };
  if (first === "") return { kind: "none", why: "no password was given" };
  const second = await terminal.ask("Once more: ");
  if (second === undefined) return { kind: "none", why: "given up" };
  return first === second
    ? { kind: "password", password: first }
    : { kind: "none", why: "the two passwords are different" };
}

/** A hash has no quote and no backslash: it can stand between quotes as it is. */
function advice(name: string, hash: string): string {
  const key = /^[A-Za-z0-9_-]+$/u.test(name) ? name : JSON.stringify(name);
  return [
    "",
    "For popgate.toml, under [listener.users] or [admin.web.users]:",
    `${key} = "${hash}"`,
    "or, with the hash in a file of its own (chmod 600):",
    `${key} = { file = "/etc/popgate/${/^[A-Za-z0-9_-]+$/u.test(name) ? name : "user"}.hash" }`,
    "",
  ].join("\n");
}
