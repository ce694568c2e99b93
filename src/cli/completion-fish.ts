/** The completion script for fish (its manual, `complete`): one line for each command and option. */
import type { CompletedCommand, CompletedOption, CompletedValue } from "./completed-commands.ts";

export function fishScript(commands: readonly CompletedCommand[]): string {
  const lines = [
    "# fish completion for popgate, made by: popgate completion fish",
    "complete -c popgate -f",
    ...commands.map(
      ({ name, description }) => `complete -c popgate -n __fish_use_subcommand -a ${name} -d ${quoted(description)}`,
    ),
    `complete -c popgate -n '__fish_seen_subcommand_from help' -a ${quoted([...commands.map(({ name }) => name), "exit-codes"].join(" "))}`,
    ...commands.flatMap((command) => [
      ...command.options.map((option) => optionLine(command.name, option)),
      ...argumentLines(command),
    ]),
  ];
  return `${lines.join("\n")}\n`;
}

function optionLine(command: string, { flags, description, value }: CompletedOption): string {
  const names = flags.map((flag) => (flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
  return `complete -c popgate -n ${seen(command)} ${names.join(" ")}${valueWords(value)} -d ${quoted(description)}`;
}

function argumentLines({ name, argument }: CompletedCommand): string[] {
  switch (argument.kind) {
    case "none":
    case "any":
      return [];
    case "file":
      return [`complete -c popgate -n ${seen(name)} -F`];
    case "choice":
      return [`complete -c popgate -n ${seen(name)} -a ${quoted(argument.choices.join(" "))}`];
  }
}

function valueWords(value: CompletedValue): string {
  switch (value.kind) {
    case "none":
      return "";
    case "any":
      return " -x";
    case "file":
      return " -r -F";
    case "choice":
      return ` -x -a ${quoted(value.choices.join(" "))}`;
  }
}

function seen(command: string): string {
  return `'__fish_seen_subcommand_from ${command}'`;
}

function quoted(text: string): string {
  return `'${text.replaceAll(/['\\]/gu, String.raw`\$&`)}'`;
}
