/**
 * What the groups of commands share: the options that many take, how a command says its exit status, and how one that
 * asks the daemon is run. Each command's file is loaded when it is called, so that `--help` costs nothing.
 */
import type { Command } from "commander";
import type { Asking, AskingOptions, Surroundings } from "./asking.ts";

/** What a group is given to add its commands with. */
export interface CommandTable {
  readonly program: Command;
  readonly around: Surroundings;
  /** Says the exit status. */
  readonly end: (status: number) => void;
}

export const configOption = ["-c, --config <file>", "the configuration", "/etc/popgate/popgate.toml"] as const;
export const socketOption = [
  "--socket <path>",
  "where the daemon answers, instead of what the configuration says",
] as const;
const jsonOption = ["--json", "as JSON, as the admin interface gives it"] as const;

/** Adds the options of every command that asks the daemon. */
export function asking(command: Command): Command {
  return command
    .option(...configOption)
    .option(...socketOption)
    .option(...jsonOption);
}

/** Runs a command that asks the daemon. */
export async function ask(
  { around, end }: CommandTable,
  options: AskingOptions,
  work: (asking: Asking) => Promise<number>,
): Promise<void> {
  const { askDaemon } = await import("./asking.ts");
  end(await askDaemon(options, around, work));
}

/** Examples below the help of a command: what to type, and what it does. */
export function examples(command: Command, lines: readonly (readonly [string, string])[]): Command {
  const width = Math.max(...lines.map(([typed]) => typed.length));
  const text = lines.map(([typed, what]) => `  popgate ${typed.padEnd(width)}  ${what}`).join("\n");
  return command.addHelpText("after", `\nExamples:\n${text}`);
}
