/** Commands that look after the spool's files. */
import type { AskingOptions } from "./asking.ts";
import { ask, asking, configOption, type CommandTable } from "./command-table.ts";

export function addSpoolCommands(table: CommandTable): void {
  const { program, end } = table;
  program.commandsGroup("The spool:");
  const backup = program
    .command("backup")
    .description("copy the spool, while the daemon uses it, into a directory that is not there yet")
    .argument("<dir>", "written by the daemon, on its host");
  asking(backup).action(async (dir: string, options: AskingOptions) => {
    const { runBackup } = await import("./upkeep.ts");
    await ask(table, options, async (context) => runBackup(dir, context));
  });

  program
    .command("verify")
    .description("check a spool that no daemon uses: every body, every index, every count")
    .argument("[spool-dir]", "the configured one without it")
    .option(...configOption)
    .action(async (dir: string | undefined, options: { config: string }) => {
      const { runVerify, runVerifyConfigured } = await import("./spool-tools.ts");
      end(dir === undefined ? await runVerifyConfigured(options.config) : await runVerify(dir));
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
}
