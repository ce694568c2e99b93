/** What can be completed: commands, options and their values, as the shells' scripts are made from them. */
import type { Command, Option } from "commander";

export interface CompletedOption {
  /** `--state`, `-c`. */
  readonly flags: readonly string[];
  readonly description: string;
  /** What its value can be: nothing for a switch. */
  readonly value: CompletedValue;
}

/** `file`: a path; `any`: nothing can be proposed. */
export type CompletedValue =
  | { readonly kind: "none" }
  | { readonly kind: "any" }
  | { readonly kind: "file" }
  | { readonly kind: "choice"; readonly choices: readonly string[] };

export interface CompletedCommand {
  readonly name: string;
  readonly description: string;
  readonly options: readonly CompletedOption[];
  /** Of its arguments, all alike. */
  readonly argument: CompletedValue;
}

export function completedCommands(program: Command): readonly CompletedCommand[] {
  const help = program.createHelp();
  return help.visibleCommands(program).map((command) => ({
    name: command.name(),
    description: command.description(),
    options: help.visibleOptions(command).map(completedOption),
    argument: argumentOf(command),
  }));
}

function completedOption({ short, long, description, argChoices, flags, required, optional }: Option): CompletedOption {
  const value = required || optional ? valueOf(flags, argChoices) : { kind: "none" as const };
  return { flags: [short, long].filter((flag) => flag !== undefined), description, value };
}

function argumentOf(command: Command): CompletedValue {
  const [argument] = command.registeredArguments;
  if (argument === undefined) return { kind: "none" };
  return valueOf(`<${argument.name()}>`, argument.argChoices);
}

function valueOf(flags: string, choices: readonly string[] | undefined): CompletedValue {
  if (choices !== undefined) return { kind: "choice", choices };
  return /<(?:file|path|dir|[a-z]+-dir)>/u.test(flags) ? { kind: "file" } : { kind: "any" };
}
