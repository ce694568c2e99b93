/**
 * The command line: the groups of commands, each a file, and what becomes of a command's failure. Exit statuses are in
 * `exit-status.ts`. Each command is a file of its own as well, and is loaded when it is called.
 */
import { Command, CommanderError } from "commander";
import { textOf } from "../config/failure.ts";
import { packageVersion } from "../runtime/version.ts";
import type { Surroundings } from "./asking.ts";
import type { CommandTable } from "./command-table.ts";
import { addDaemonCommands } from "./daemon-commands.ts";
import { exitStatus } from "./exit-status.ts";
import { addMessageCommands } from "./message-commands.ts";
import { addSetupCommands } from "./setup-commands.ts";
import { addSpoolCommands } from "./spool-commands.ts";
import { addSteeringCommands } from "./steering-commands.ts";

/** In the order of the help. */
const groups: readonly ((table: CommandTable) => void)[] = [
  addMessageCommands,
  addSteeringCommands,
  addDaemonCommands,
  addSpoolCommands,
  addSetupCommands,
];

/** Resolves with the exit status; never rejects for what a user can do. */
export async function runCommandLine(
  args: readonly string[],
  around: Surroundings = processSurroundings(),
): Promise<number> {
  let status: number = exitStatus.ok;
  const program = commands(around, (value) => (status = value));
  try {
    await program.parseAsync([...args], { from: "user" });
    return status;
  } catch (error) {
    // commander has printed what was wrong, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitStatus.ok : exitStatus.usage;
    around.stderr.write(`popgate: ${textOf(error)}\n`);
    return exitStatus.failed;
  }
}

/** All commands, as they are parsed; `end` is told the exit status of the one that is run. */
export function commands(around: Surroundings, end: (status: number) => void): Command {
  const program = new Command("popgate")
    .description("Mail gateway between a POP3 provider and Exchange.")
    .version(packageVersion(), "-V, --version")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void around.stdout.write(text),
      writeErr: (text) => void around.stderr.write(text),
    })
    .showHelpAfterError("(popgate --help says what there is)")
    .addHelpText("after", "\nExit statuses: popgate help exit-codes");
  for (const add of groups) add({ program, around, end });
  return program;
}

function processSurroundings(): Surroundings {
  const gone = new AbortController();
  // Nobody reads any more, as in `popgate queue | head`: end quietly.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    gone.abort(error);
  });
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    signal: gone.signal,
  };
}
