/**
 * `popgate completion SHELL`: a script that completes commands, options and the values that an option can have, generated
 * from the commands themselves. What stands in it is fixed when it is generated: it starts no process at a tab.
 */
import type { Command } from "commander";
import { bashScript } from "./completion-bash.ts";
import { fishScript } from "./completion-fish.ts";
import { zshScript } from "./completion-zsh.ts";
import { completedCommands } from "./completed-commands.ts";

export function completionScript(program: Command, shell: "bash" | "zsh" | "fish"): string {
  const completed = completedCommands(program);
  switch (shell) {
    case "bash":
      return bashScript(completed);
    case "zsh":
      return zshScript(completed);
    case "fish":
      return fishScript(completed);
  }
}
