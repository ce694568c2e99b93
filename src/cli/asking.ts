/**
 * What a command has that asks the running daemon: the client, the two screens, and whom to ask back. Made from the
 * options that all of these commands share; a `CommandError` becomes its words on stderr and its exit status.
 */
import type { Readable } from "node:stream";
import { userInfo } from "node:os";
import { adminSocketOf } from "../config/admin-socket.ts";
import { AdminClient } from "./admin-client.ts";
import { CommandError, exitStatus } from "./exit-status.ts";
import { Screen, type Environment, type Output } from "./screen.ts";
import { isYes, typedLine } from "./typed-line.ts";

/** Of every command that asks the daemon. */
export interface AskingOptions {
  readonly config: string;
  readonly socket?: string;
  readonly json?: boolean;
}

/** The process, as far as a command sees it. */
export interface Surroundings {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Environment;
  /** Aborted when nobody reads the output any more. */
  readonly signal: AbortSignal;
}

export interface Asking {
  readonly client: AdminClient;
  readonly screen: Screen;
  /** stderr: questions, progress, what went wrong. */
  readonly aside: Screen;
  readonly json: boolean;
  readonly around: Surroundings;
}

/** Resolves with the exit status. */
export async function askDaemon(
  options: AskingOptions,
  around: Surroundings,
  work: (asking: Asking) => Promise<number>,
): Promise<number> {
  const aside = new Screen(around.stderr, around.env);
  try {
    const client = new AdminClient({
      socket: options.socket ?? (await adminSocketOf(options.config)),
      user: userName(around.env),
      signal: around.signal,
    });
    const screen = new Screen(around.stdout, around.env);
    return await work({ client, screen, aside, json: options.json === true, around });
  } catch (error) {
    // Nobody reads the output any more, as in `popgate queue | head`.
    if (around.signal.aborted) return exitStatus.ok;
    if (!(error instanceof CommandError)) throw error;
    for (const [index, line] of error.message.split("\n").entries())
      aside.print(index === 0 ? "popgate: " : "  ", line);
    return error.status;
  }
}

/** Asks on a terminal; without one the answer must have been given as an option. */
export async function confirmed(question: string, { around, aside }: Asking): Promise<boolean> {
  if (around.stdin.isTTY !== true)
    throw new CommandError(exitStatus.usage, `${question} There is no terminal to ask at: say --yes if you mean it.`);
  aside.print(question, " [y/N]");
  return isYes((await typedLine(around.stdin)) ?? "");
}

/** Who sits at the keyboard: behind sudo, who called it. */
export function userName(env: Environment): string {
  const { username } = nameOfProcess();
  return username === "root" ? (env["SUDO_USER"] ?? username) : username;
}

function nameOfProcess(): { readonly username: string } {
  try {
    return userInfo();
  } catch {
    // A user id without an entry in the password file, as in a container.
    return { username: `uid-${process.getuid?.() ?? "unknown"}` };
  }
}
