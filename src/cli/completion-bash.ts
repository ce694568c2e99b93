/** The completion script for bash (its manual, "Programmable Completion"); needs no bash-completion package. */
import type { CompletedCommand, CompletedValue } from "./completed-commands.ts";

export function bashScript(commands: readonly CompletedCommand[]): string {
  return `# bash completion for popgate, made by: popgate completion bash
_popgate() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" command="" word
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) command="$word"; break ;; esac
  done
  case "$command" in
    "")
      COMPREPLY=( $(compgen -W "${commands.map(({ name }) => name).join(" ")} --help --version" -- "$current") )
      ;;
    help)
      COMPREPLY=( $(compgen -W "${commands.map(({ name }) => name).join(" ")} exit-codes" -- "$current") )
      ;;
${commands
  .filter(({ name }) => name !== "help")
  .map(caseOf)
  .join("\n")}
  esac
}
complete -F _popgate popgate
`;
}

function caseOf({ name, options, argument }: CompletedCommand): string {
  const flags = options.flatMap(({ flags }) => flags);
  const values = options.filter(({ value }) => value.kind !== "none");
  const cases = values.map(({ flags, value }) => `        ${flags.join("|")}) ${repliesOf(value)}; return ;;`);
  const first = cases.length === 0 ? "" : `      case "$previous" in\n${cases.join("\n")}\n      esac\n`;
  return (
    `    ${name})\n${first}      case "$current" in\n` +
    `        -*) COMPREPLY=( $(compgen -W "${flags.join(" ")}" -- "$current") ) ;;\n` +
    `        *) ${repliesOf(argument)} ;;\n      esac\n      ;;`
  );
}

/** A colon that does nothing stands for nothing to propose. */
function repliesOf(value: CompletedValue): string {
  switch (value.kind) {
    case "none":
    case "any":
      return ":";
    case "file":
      return `compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current")`;
    case "choice":
      return `COMPREPLY=( $(compgen -W "${value.choices.join(" ")}" -- "$current") )`;
  }
}
