/** The completion script for zsh (its manual, "Completion System"): `_describe` for commands, `_arguments` for each. */
import type { CompletedCommand, CompletedOption, CompletedValue } from "./completed-commands.ts";

export function zshScript(commands: readonly CompletedCommand[]): string {
  const names = commands.map(({ name, description }) => `    ${quoted(`${escapedColons(name)}:${description}`)}`);
  const cases = commands.map(
    ({ name, options, argument }) =>
      `    ${name})\n      _arguments -s ${[...options.flatMap(specsOf), argumentSpec(name, argument, commands)].join(" \\\n        ")}\n      ;;`,
  );
  return `#compdef popgate
# zsh completion for popgate, made by: popgate completion zsh
_popgate() {
  local -a commands=(
${names.join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe -t commands 'popgate command' commands
    return
  fi
  local command="$words[2]"
  shift words
  (( CURRENT-- ))
  case "$command" in
${cases.join("\n")}
  esac
}
if [ "$funcstack[1]" = "_popgate" ]; then
  _popgate "$@"
else
  compdef _popgate popgate
fi
`;
}

function specsOf({ flags, description, value }: CompletedOption): string[] {
  const text = escaped(description);
  return flags.map((flag) => quoted(`${flag}[${text}]${value.kind === "none" ? "" : `:value:${actionOf(value)}`}`));
}

function argumentSpec(name: string, value: CompletedValue, commands: readonly CompletedCommand[]): string {
  if (name === "help") return quoted(`*:command:(${[...commands.map((each) => each.name), "exit-codes"].join(" ")})`);
  return quoted(`*:argument:${actionOf(value)}`);
}

function actionOf(value: CompletedValue): string {
  switch (value.kind) {
    case "none":
    case "any":
      return " ";
    case "file":
      return "_files";
    case "choice":
      return `(${value.choices.join(" ")})`;
  }
}

function escaped(text: string): string {
  return text.replaceAll(/[\\\]:[]/gu, String.raw`\$&`);
}

function escapedColons(text: string): string {
  return text.replaceAll(":", String.raw`\:`);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
