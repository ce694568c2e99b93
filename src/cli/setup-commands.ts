/** Commands for setting popgate up, and for trying it. */
import { Argument } from "commander";
import { configOption, examples, socketOption, type CommandTable } from "./command-table.ts";
import { exitStatus, exitStatusHelp } from "./exit-status.ts";
import type { ProbeArguments } from "./probe.ts";

export function addSetupCommands(table: CommandTable): void {
  const { program, end } = table;
  program.commandsGroup("Setting up:");
  addInit(table);
  program
    .command("check")
    .description("say what is wrong with a configuration, or what it means")
    .option(...configOption)
    .option("--json", "as JSON", false)
    .action(async (options: { config: string; json: boolean }) => {
      const { runCheck } = await import("./check.ts");
      end(await runCheck(options));
    });

  addImport(table);
  addDoctor(table);
  addProbe(table);
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

function addImport({ program, around, end }: CommandTable): void {
  const command = program
    .command("import")
    .description("make a configuration from a fetchmailrc or getmailrc, and say line by line what has no equal")
    .argument("<file...>", "the fetchmailrc; the getmailrc, or several of them")
    .option("-o, --out <file>", "where to write it; files with the passwords go beside it", "popgate.toml")
    .action(async (files: string[], options: { out: string }) => {
      const { runImport } = await import("./import.ts");
      end(await runImport({ ...options, files }, around));
    });
  examples(command, [
    ["import ~/.fetchmailrc", "from fetchmail"],
    ["import ~/.getmail/getmailrc-* --out popgate.toml", "from getmail, one account a file"],
  ]);
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

function addInit({ program, around, end }: CommandTable): void {
  const command = program
    .command("init")
    .description("ask for what is needed, find ports and TLS, and write a first configuration and its password files")
    .argument("[file]", "the configuration to be made; nothing that is there is overwritten", configOption[2])
    .option("--answers <file>", "the answers as JSON, instead of asking")
    .action(async (file: string, options: { answers?: string }) => {
      const { runInit } = await import("./init.ts");
      end(await runInit({ ...options, file }, around));
    });
  examples(command, [
    ["init", "asks, and writes /etc/popgate/popgate.toml"],
    ["init ./popgate.toml", "to try it out"],
  ]);
}

function addProbe({ program, around, end }: CommandTable): void {
  const command = program
    .command("probe")
    .description(
      "send marked mails by a relay to the own domain, bring them back from a box, and say whether its provider is fit " +
        "for a collector, and which configuration is right there",
    )
    .argument("<account>", "the account in whose box they arrive")
    .option(...configOption)
    .option(...socketOption)
    .option("--relay <name>", "by which relay; the first one without it")
    .option("--to <address...>", "three different own addresses that the box is for; made-up ones without it")
    .option("--wait <time>", "how long the mails may take", "10m")
    .option("--keep", "leave the marked mails in the box", false)
    .option("--json", "as JSON", false)
    .action(async (account: string, options: Omit<ProbeArguments, "account">) => {
      const { runProbe } = await import("./probe.ts");
      end(await runProbe({ ...options, account }, around));
    });
  examples(command, [
    ["probe sammel", "with a catch-all at the provider"],
    ["probe sammel --to info@firma.example verkauf@firma.example chef@firma.example", "without one"],
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
      end(exitStatus.ok);
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
