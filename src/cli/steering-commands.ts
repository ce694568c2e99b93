/** Commands that change what becomes of messages: those whose ids are given, or all that a filter chooses. */
import type { Command } from "commander";
import type { AskingOptions } from "./asking.ts";
import { ask, asking, configOption, examples, socketOption, type CommandTable } from "./command-table.ts";
import { addFilterOptions } from "./message-filter.ts";
import type { SteerOptions } from "./steer.ts";

type Verb = "retry" | "hold" | "release" | "redirect" | "drop" | "bounce";

export function addSteeringCommands(table: CommandTable): void {
  table.program.commandsGroup("What becomes of it:");
  addRetry(table);
  addHold(table);
  addRelease(table);
  addRedirect(table);
  addDrop(table);
  addBounce(table);
  addResolve(table);
}

function steering(table: CommandTable, verb: Verb, description: string): Command {
  const command = table.program
    .command(verb)
    .description(description)
    .argument("[id...]", "queue ids; without any, what the options below choose");
  return asking(addFilterOptions(command)).action(async (ids: string[], options: AskingOptions & SteerOptions) => {
    const { runSteer } = await import("./steer.ts");
    await ask(table, options, async (context) => runSteer(verb, ids, options, context));
  });
}

const onlyRecipients = ["--recipient <address...>", "only these of its recipients"] as const;
const unasked = ["-y, --yes", "do not ask"] as const;

function addRetry(table: CommandTable): void {
  const command = steering(table, "retry", "try again now, what is queued and what is held for a recipient")
    .option(...onlyRecipients)
    .option("--all-queued", "everything that is queued");
  examples(command, [
    ["retry 0CQ1W8PZB4RT2K", "this one"],
    ["retry --all-queued", "everything, as after a repair"],
    ["retry --reason gave-up", "what was given up on"],
  ]);
}

function addHold(table: CommandTable): void {
  const command = steering(table, "hold", "keep back what is queued, until it is released")
    .option(...onlyRecipients)
    .option("--detail <words>", "why, for those who see it")
    .option(...unasked);
  examples(command, [["hold --subject Newsletter --detail 'until Monday'", "by subject"]]);
}

function addRelease(table: CommandTable): void {
  const command = steering(table, "release", "deliver what is held")
    .option("--to <address...>", "to whom, where the recipients are not known; else only these of them")
    .option(...unasked);
  examples(command, [
    ["release 0CQ1W8PZB4RT2K", "to those it is held for"],
    ["release 0CQ1W8PZB4RT2K --to anna@firma.example", "to anna: it could not be read whom it was for"],
  ]);
}

function addRedirect(table: CommandTable): void {
  const command = steering(table, "redirect", "deliver to another address instead, what has not been delivered")
    .requiredOption("--to <address>", "where it is to go", (text) => [text])
    .option(...onlyRecipients)
    .option(...unasked);
  examples(command, [
    ["redirect 0CQ1W8PZB4RT2K --to bernd@firma.example", "all of its recipients"],
    ["redirect 0CQ1W8PZB4RT2K --to bernd@firma.example --recipient anna@firma.example", "one of them"],
  ]);
}

function addDrop(table: CommandTable): void {
  const command = steering(table, "drop", "do not deliver it, and forget its body; nobody is told")
    .option(...onlyRecipients)
    .option(...unasked);
  examples(command, [
    ["drop 0CQ1W8PZB4RT2K", "asks first"],
    ["drop --reason server-internal --yes", "all that are held for this"],
  ]);
}

function addBounce(table: CommandTable): void {
  const command = steering(table, "bounce", "return outbound mail to its sender, with a report of why")
    .option(...onlyRecipients)
    .option(...unasked);
  examples(command, [
    ["bounce 0CQ1W8PZB4RT2K", "asks first"],
    ["bounce --direction outbound --older 3d --yes", "what has waited for too long"],
  ]);
}

function addResolve(table: CommandTable): void {
  const command = table.program
    .command("resolve")
    .description("decide held mail again under the present configuration, with or without a running daemon")
    .argument("[id...]", "only these messages")
    .option("--dry-run", "say what would be done", false)
    .option(...configOption)
    .option(...socketOption)
    .option("--json", "as JSON, as the admin interface gives it; only of a running daemon");
  command.action(async (ids: string[], options: AskingOptions & { dryRun: boolean }) => {
    const { runResolveAnywhere } = await import("./resolve-running.ts");
    table.end(await runResolveAnywhere(ids, options, table.around));
  });
  examples(command, [["resolve --dry-run", "what a corrected configuration would make of it"]]);
}
