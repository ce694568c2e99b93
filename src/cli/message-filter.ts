/** Which messages: the options by which `queue` and the commands that change messages choose, as the admin interface takes them. */
import { Option, type Command } from "commander";
import { holdWords } from "../core/hold.ts";

export interface FilterOptions {
  readonly state?: string;
  readonly direction?: string;
  readonly account?: string;
  readonly sender?: string;
  readonly subject?: string;
  readonly reason?: string;
  readonly older?: string;
  readonly younger?: string;
}

/** Adds them to a command. */
export function addFilterOptions(command: Command): Command {
  return command
    .addOption(new Option("--state <state>", "those in this state").choices(["queued", "held"]))
    .addOption(new Option("--direction <way>", "those on this way").choices(["inbound", "outbound"]))
    .option("--account <name>", "those fetched from this account")
    .option("--sender <text>", "those whose sender contains this")
    .option("--subject <text>", "those whose subject contains this")
    .addOption(new Option("--reason <reason>", "those held for this").choices(Object.keys(holdWords)))
    .option("--older <time>", "those received longer ago than this, such as 2h")
    .option("--younger <time>", "those received since then");
}
