/** Commands about the daemon itself: run it, see how it is, have it poll, pause, reload. */
import { Option } from "commander";
import type { AskingOptions } from "./asking.ts";
import { ask, asking, configOption, examples, type CommandTable } from "./command-table.ts";
import type { LogOptions } from "./follow-log.ts";
import type { PausingOptions } from "./pausing.ts";

export function addDaemonCommands(table: CommandTable): void {
  table.program.commandsGroup("The daemon:");
  addRun(table);
  addStatus(table);
  addPoll(table);
  addPausing(table);
  addLog(table);
  addReload(table);
}

function addRun({ program, end }: CommandTable): void {
  program
    .command("run")
    .description("run the daemon; with --once, poll each account once, deliver what is due, and end")
    .option(...configOption)
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
}

function addStatus(table: CommandTable): void {
  const command = table.program
    .command("status")
    .description("one screen: what is wrong and what to do, accounts, queue, destinations")
    .addHelpText("after", "\nExit status: 0 nothing is wrong, 5 something is.");
  asking(command).action(async (options: AskingOptions) => {
    const { runStatus } = await import("./status.ts");
    await ask(table, options, runStatus);
  });
}

function addPoll(table: CommandTable): void {
  const command = table.program
    .command("poll")
    .description("look into the boxes now, as far as the provider's rules allow")
    .argument("[account]", "only this one")
    .addHelpText("after", "\nExit status: 0 done, 1 a poll failed, 4 the account cannot be polled now.");
  asking(command).action(async (account: string | undefined, options: AskingOptions) => {
    const { runPoll } = await import("./poll.ts");
    await ask(table, options, async (context) => runPoll(account, context));
  });
}

function addPausing(table: CommandTable): void {
  const descriptions = {
    pause: "do not poll an account, or send nothing to a destination, until it is resumed",
    resume: "poll the account, or send to the destination, again",
  };
  for (const verb of ["pause", "resume"] as const) {
    const command = table.program
      .command(verb)
      .description(descriptions[verb])
      .argument("<name>", "account, `exchange`, or a relay")
      .option("--account", "the account, where a destination has the same name")
      .option("--destination", "the destination");
    asking(command).action(async (name: string, options: AskingOptions & PausingOptions) => {
      const { runPausing } = await import("./pausing.ts");
      await ask(table, options, async (context) => runPausing(verb, name, options, context));
    });
    examples(command, [
      [`${verb} sammel`, "the account sammel"],
      [`${verb} exchange`, verb === "pause" ? "mail for Exchange waits" : "Exchange gets its mail"],
    ]);
  }
}

function addLog(table: CommandTable): void {
  const command = table.program
    .command("log")
    .description("follow what popgate tells, from now on; what was told before is in the journal")
    .option("-f, --follow", "go on until Ctrl-C, as it does in any case")
    .addOption(
      new Option("--level <level>", "nothing below this").choices(["debug", "info", "warn", "error"]).default("info"),
    )
    .option("--message <id>", "only what is about this message")
    .option("--account <name>", "only what is about this account");
  asking(command).action(async (options: AskingOptions & LogOptions) => {
    const { runLog } = await import("./follow-log.ts");
    await ask(table, options, async (context) => runLog(options, context));
  });
  examples(command, [
    ["log -f --level warn", "what is worth a look"],
    ["log -f --json | jq .", "one JSON object on each line"],
  ]);
}

function addReload(table: CommandTable): void {
  const command = table.program
    .command("reload")
    .description("have the daemon read its configuration again; a bad one is refused and the old one stays");
  asking(command).action(async (options: AskingOptions) => {
    const { runReload } = await import("./upkeep.ts");
    await ask(table, options, runReload);
  });
}
