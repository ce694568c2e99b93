/** Commands that look after the spool's files. */
import { InvalidArgumentError } from "commander";
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

  const audit = program
    .command("audit")
    .description("account for every message in queue and history: what it came to, and what does not add up")
    .option("--spool <spool-dir>", "look into this one, that no daemon uses, instead of asking the daemon")
    .addHelpText("after", "\nExit status: 0 every message is accounted for, 5 something does not add up.");
  asking(audit).action(async (options: AskingOptions & { spool?: string }) => {
    const { runAudit, runAuditOffline } = await import("./audit.ts");
    const { spool } = options;
    if (spool === undefined) await ask(table, options, runAudit);
    else end(await runAuditOffline(spool, options.json === true, table.around));
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
  addSchemaCommands(table);
}

interface SchemaOptions {
  readonly config: string;
  readonly to?: number;
  readonly withoutCopy?: boolean;
}

const withoutCopy = ["--without-copy", "do not keep a copy of the state before in the spool's directory"] as const;

function addSchemaCommands({ program, around, end }: CommandTable): void {
  program
    .command("upgrade")
    .description("bring a spool that no daemon uses to this popgate's form, as its start does, with a copy beforehand")
    .argument("[spool-dir]", "the configured one without it")
    .option(...configOption)
    .option(...withoutCopy)
    .action(async (dir: string | undefined, { config, withoutCopy: bare }: SchemaOptions) => {
      const { runSchemaChange } = await import("./spool-schema.ts");
      end(await runSchemaChange({ dir, config, to: "newest", withCopy: bare !== true }, around));
    });

  program
    .command("downgrade")
    .description("bring a spool that no daemon uses back to the form of an older popgate, with all its mail")
    .argument("[spool-dir]", "the configured one without it")
    .option(
      "--to <version>",
      "schema version, as the older popgate names it; without it the one before the upgrade",
      parseVersion,
    )
    .option(...configOption)
    .option(...withoutCopy)
    .action(async (dir: string | undefined, { config, to, withoutCopy: bare }: SchemaOptions) => {
      const { runSchemaChange } = await import("./spool-schema.ts");
      end(await runSchemaChange({ dir, config, to: to ?? "before", withCopy: bare !== true }, around));
    });
}

function parseVersion(text: string): number {
  if (!/^[1-9]\d{0,5}$/u.test(text)) throw new InvalidArgumentError("A schema version is a number, as 1.");
  return Number(text);
}
