/**
 * The command line's words: which commands there are, what they take, and which status they end with. Each command is a
 * file of its own and is loaded when it is called, so that `--help` costs nothing.
 */
import { Command, CommanderError } from "commander";
import { packageVersion } from "../runtime/version.ts";

/** Usage errors end like configuration errors: nothing was done. */
const usageStatus = 2;
const failureStatus = 1;

/** Resolves with the exit status; never rejects for what a user can do. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  let status = 0;
  const program = commands((value) => (status = value));
  try {
    await program.parseAsync([...args], { from: "user" });
    return status;
  } catch (error) {
    // commander has printed what was wrong, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : usageStatus;
    process.stderr.write(`popgate: ${error instanceof Error ? error.message : String(error)}\n`);
    return failureStatus;
  }
}

function commands(end: (status: number) => void): Command {
  const program = new Command("popgate")
    .description("Mail gateway between a POP3 provider and Exchange.")
    .version(packageVersion(), "-V, --version")
    .exitOverride()
    .showHelpAfterError("(popgate --help says what there is)");

  const config = ["-c, --config <file>", "the configuration", "/etc/popgate/popgate.toml"] as const;

  program
    .command("run")
    .description("run the daemon; with --once, poll each account once, deliver what is due, and end")
    .option(...config)
    .option("--once", "one round, for cron and scripts")
    .addHelpText(
      "after",
      "\nExit status of --once: 0 all drained and delivered, 1 popgate failed, 2 bad configuration,\n" +
        "3 an account was not drained, 4 mail is queued for later, 5 mail is held; the lowest that applies.",
    )
    .action(async (options: { config: string; once?: true }) => {
      const { runDaemon, runOnce } = await import("./run.ts");
      end(options.once === true ? await runOnce(options.config) : await runDaemon(options.config));
    });

  program
    .command("check")
    .description("say what is wrong with a configuration, or what it means")
    .option(...config)
    .option("--json", "as JSON", false)
    .action(async (options: { config: string; json: boolean }) => {
      const { runCheck } = await import("./check.ts");
      end(await runCheck(options));
    });

  program
    .command("resolve")
    .description("decide held mail again under the present configuration (the daemon must not be running)")
    .option(...config)
    .option("--dry-run", "say what would be done", false)
    .argument("[id...]", "only these messages")
    .action(async (ids: string[], options: { config: string; dryRun: boolean }) => {
      const { runResolve } = await import("./resolve.ts");
      end(await runResolve(options.config, ids, options.dryRun));
    });

  program
    .command("verify")
    .description("check a spool that no daemon uses: every body, every index, every count")
    .argument("<spool-dir>")
    .action(async (dir: string) => {
      const { runVerify } = await import("./spool-tools.ts");
      end(await runVerify(dir));
    });

  program
    .command("rescue")
    .description("extract every message from a spool in any state, as .eml and .json files")
    .argument("<spool-dir>")
    .argument("<out-dir>")
    .action(async (dir: string, out: string) => {
      const { runRescue } = await import("./spool-tools.ts");
      end(await runRescue(dir, out));
    });

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

  return program;
}
