/** Commands that look at messages, in the queue and in the history. */
import { InvalidArgumentError } from "commander";
import type { AskingOptions } from "./asking.ts";
import { ask, asking, examples, type CommandTable } from "./command-table.ts";
import { addFilterOptions } from "./message-filter.ts";
import type { QueueOptions } from "./queue.ts";
import type { RawOptions } from "./raw.ts";

export function addMessageCommands(table: CommandTable): void {
  table.program.commandsGroup("Where is my mail:");
  addExplain(table);
  addQueue(table);
  addShow(table);
  addRaw(table);
}

function addExplain(table: CommandTable): void {
  const command = table.program
    .command("explain")
    .description("where a message is, or what became of it, and why: step by step, also days later")
    .argument("<id|message-id|address>", "queue id, Message-ID, or an address: its latest messages");
  asking(command).action(async (query: string, options: AskingOptions) => {
    const { runExplain } = await import("./explain.ts");
    await ask(table, options, async (context) => runExplain(query, context));
  });
  examples(command, [
    ["explain anna@firma.example", "the latest messages to or from anna"],
    ["explain '<abc@else.example>'", "by Message-ID"],
    ["explain 0CQ1W8PZB4RT2K", "by queue id"],
  ]);
}

function addQueue(table: CommandTable): void {
  const command = addFilterOptions(
    table.program
      .command("queue")
      .description("what waits in the spool: queued for another attempt, or held for a person")
      .option("--recipient <text>", "those with a recipient that contains this"),
  )
    .option("--limit <n>", "at most so many", count, 100)
    .option("--all", "all of them, however many");
  asking(command).action(async (options: AskingOptions & QueueOptions) => {
    const { runQueue } = await import("./queue.ts");
    await ask(table, options, async (context) => runQueue(options, context));
  });
  examples(command, [
    ["queue --state held", "what waits for a person"],
    ["queue --recipient anna@", "what waits for anna"],
    ["queue --older 2h --direction outbound", "what should have gone out by now"],
    ["queue --json | jq -r '.messages[].id'", "ids, for scripts"],
  ]);
}

function addShow(table: CommandTable): void {
  const command = table.program
    .command("show")
    .description("one message: its recipients, every attempt with the server's words, its header")
    .argument("<id>", "queue id");
  asking(command).action(async (id: string, options: AskingOptions) => {
    const { runShow } = await import("./show.ts");
    await ask(table, options, async (context) => runShow(id, context));
  });
}

function addRaw(table: CommandTable): void {
  const command = table.program
    .command("raw")
    .description("the octets of a message, to a file or another program")
    .argument("<id>", "queue id")
    .option("--rendered", "as it is handed over, instead of as it is stored")
    .option("--force", "to a terminal, too");
  asking(command).action(async (id: string, options: AskingOptions & RawOptions) => {
    const { runRaw } = await import("./raw.ts");
    await ask(table, options, async (context) => runRaw(id, options, context));
  });
  examples(command, [["raw 0CQ1W8PZB4RT2K > message.eml", "as stored"]]);
}

function count(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= 1000) return value;
  throw new InvalidArgumentError("It is a number from 1 to 1000; --all shows all.");
}
