/** Commands for setting popgate up, and for trying it. */
import { Argument } from "commander";
import { configOption, examples, type CommandTable } from "./command-table.ts";
import { exitStatusHelp } from "./exit-status.ts";

export function addSetupCommands(table: CommandTable): void {
  const { program, end } = table;
  program.commandsGroup("Setting up:");
  program
    .command("check")
    .description("say what is wrong with a configuration, or what it means")
    .option(...configOption)
    .option("--json", "as JSON", false)
    .action(async (options: { config: string; json: boolean }) => {
      const { runCheck } = await import("./check.ts");
      end(await runCheck(options));
    });

  addDoctor(table);
  addLogin(table);

  program
    .command("passwd")
    .description("make the hash of a password for `users`; asks for it, or reads one line of standard input")
    .argument("[name]", "the login name, for the line to put into the configuration")
    .action(async (name: string | undefined) => {
      const { runPasswd } = await import("./passwd.ts");
      end(await runPasswd(name));
    });

  program
    .command("demo")
    .description(
      "a provider, popgate and a stand-in for Exchange in one process: telling messages, and what became of them",
    )
    .option("--json", "as JSON", false)
    .action(async (options: { json: boolean }) => {
      const { runDemo } = await import("../demo/demo.ts");
      end(await runDemo(options));
    });

  addCompletion(table);
  addExitCodes(table);
}

function addDoctor({ program, around, end }: CommandTable): void {
  const command = program
    .command("doctor")
    .description("try every server as the daemon would, look at the mail in the boxes, and say what is wrong with what")
    .argument("[what...]", "an account's name, `exchange`, `relay` and its name, `listener` or `host`; all without it")
    .option(...configOption)
    .option("--json", "as JSON", false)
    .option("--strict", "end with status 5 for warnings as well", false)
    .action(async (what: string[], options: { config: string; json: boolean; strict: boolean }) => {
      const { runDoctor } = await import("./doctor.ts");
      end(await runDoctor({ ...options, what }, around));
    });
  examples(command, [
    ["doctor", "everything: before going live, and whenever something is odd"],
    ["doctor info-box", "one account: login, box, which envelope field its provider writes"],
    ["doctor relay provider", "one relay"],
  ]);
}

function addLogin({ program, around, end }: CommandTable): void {
  const command = program
    .command("login")
    .description("get the OAuth token of an account or relay: shows a page and a code, and waits for the consent")
    .argument("<what...>", "an account's name, or `relay` and its name")
    .option(...configOption)
    .action(async (what: string[], options: { config: string }) => {
      const { runLogin } = await import("./login.ts");
      end(await runLogin({ ...options, what }, around));
    });
  examples(command, [
    ["login info-box", "an account at Microsoft 365"],
    ["login relay provider", "a relay"],
  ]);
}

function addCompletion({ program, around, end }: CommandTable): void {
  const command = program
    .command("completion")
    .description("the script that completes popgate's commands and options in a shell")
    .addArgument(new Argument("<shell>").choices(["bash", "zsh", "fish"]))
    .action(async (shell: "bash" | "zsh" | "fish") => {
      const { completionScript } = await import("./completion.ts");
      around.stdout.write(completionScript(program, shell));
      end(0);
    });
  examples(command, [
    ["completion bash > /etc/bash_completion.d/popgate", "for all users"],
    ["completion fish > ~/.config/fish/completions/popgate.fish", "for one"],
  ]);
}

/** `popgate help exit-codes` is the help of a command that is not listed. */
function addExitCodes({ program, around }: CommandTable): void {
  const topic = program.command("exit-codes", { hidden: true });
  topic.helpInformation = () => exitStatusHelp;
  topic.action(() => void around.stdout.write(exitStatusHelp));
}
