/** popgate(1), made from the commands as they are parsed. What no table knows (signals, files) is said here. */
import type { Command, Option } from "commander";
import { exitStatusHelp } from "../../src/cli/exit-status.ts";
import { bold, entry, prose, section, subsection, title, usage, verbatim } from "./roff.ts";

/** What is on the page beside the commands. */
export interface PageOptions {
  readonly version: string;
  readonly date: string;
  /** What stands below a command's help. */
  readonly textAfter: (command: Command) => string;
}

export function commandPage(program: Command, { version, date, textAfter }: PageOptions): string {
  const help = program.createHelp();
  const visible = help.visibleCommands(program).filter((command) => command.name() !== "help");
  const groups = new Map<string, Command[]>();
  for (const command of visible) groups.set(command.helpGroup(), [...(groups.get(command.helpGroup()) ?? []), command]);
  return `${[
    `.\\" Made by scripts/man.ts from the table of commands; do not edit it by hand.`,
    title("popgate", 1, date, `popgate ${version}`, "User Commands"),
    section("Name", "popgate \\- mail gateway between a POP3 provider and Exchange"),
    section(
      "Synopsis",
      `${bold("popgate")} ${usage("<command> [argument...]")} [${usage("<option>").trim()}\\|.\\|.\\|.]`,
      `${bold("popgate help")} [${usage("<command>")}]`,
    ),
    section("Description", ...description.map(prose)),
    section("Options", ...help.visibleOptions(program).map(optionEntry)),
    section("Commands", prose("Each takes `--help`.")),
    ...[...groups].flatMap(([group, commands]) => [
      subsection(group.replace(/:$/u, "")),
      ...commands.map((command) => commandEntry(command, textAfter)),
    ]),
    section("Exit status", verbatim(exitStatusHelp.split("\n").slice(2).join("\n").trimEnd())),
    section("Signals", ...pairs(signals)),
    section("Environment", ...pairs(environment)),
    section("Files", ...pairs(files)),
    section("Examples", ...examplePairs.map(([what, typed]) => `${prose(what)}\n${verbatim(typed)}`)),
    section("See also", seeAlso),
  ].join("\n")}\n`;
}

const description = [
  "popgate fetches mail from POP3 boxes at a provider into a durable spool, finds out from the field that the provider's server wrote for whom each message really was, and hands it to Exchange with exactly those recipients. The other way round it is the smarthost that Exchange relays to: it takes a mail only when it is safe on disk, and sends it on by the provider's server.",
  "`popgate run` is the daemon. Nearly all other commands ask it over its Unix socket, and say so where none answers. A message whose recipients cannot be established is held, and waits for a person: `popgate status` and `popgate queue --state held` show it, `popgate explain` says why.",
];

const signals = [
  [
    "`SIGTERM`, `SIGINT`",
    "The daemon stops: it takes no more mail, finishes or gives back what is under way, and closes the spool. A second one ends it at once; nothing that was acknowledged is lost by that.",
  ],
  [
    "`SIGHUP`",
    "The daemon reads its configuration again, as `popgate reload` has it do. A bad one is refused, and the old one stays.",
  ],
] as const;

const environment = [
  [
    "`CREDENTIALS_DIRECTORY`",
    'Where `{ credential = "…" }` is looked for: systemd sets it for a service with `LoadCredential=`.',
  ],
  [
    "`NOTIFY_SOCKET`, `WATCHDOG_USEC`",
    "Set by systemd for a service of type `notify`: it is told when the daemon stands, stops, and lives.",
  ],
  ["`NO_COLOR`", "Anything but nothing: no colours. They are used only on a terminal, and never with `TERM=dumb`."],
  ["any other name", 'Secrets that the configuration has as `{ env = "NAME" }`.'],
] as const;

const files = [
  [
    "`/etc/popgate/popgate.toml`",
    "The configuration, see popgate.toml(5). It is read by every command that needs it; `--config` names another one.",
  ],
  [
    "`/var/lib/popgate/spool`",
    "The spool: one LMDB environment. Only one process may have it open; `popgate backup` copies it while it is used.",
  ],
  ["`/run/popgate/admin.sock`", "The Unix socket of the admin interface. Who may write to it may do everything."],
] as const;

const examplePairs = [
  [
    "A first configuration, then what is wrong with it, then what would go wrong with the servers:",
    "popgate init\npopgate check\npopgate doctor",
  ],
  ["Where a mail is, by its recipient:", "popgate explain anna@firma.example"],
  [
    "What is held, and all of it decided again after a change of the configuration:",
    "popgate queue --state held\npopgate resolve --all",
  ],
  ["One round from cron, without a daemon:", "popgate run --once"],
] as const;

const seeAlso = `${bold("popgate.toml")}(5), ${bold("fetchmail")}(1), ${bold("systemd.exec")}(5)`;

function pairs(list: readonly (readonly [string, string])[]): readonly string[] {
  return list.map(([term, text]) => entry(prose(term), prose(text)));
}

function optionEntry({ flags, description: text, defaultValue, argChoices }: Option): string {
  const more = [
    ...(argChoices === undefined ? [] : [`One of ${argChoices.map((choice) => `\`${choice}\``).join(", ")}.`]),
    ...(typeof defaultValue === "string" ? [`Default: \`${defaultValue}\`.`] : []),
  ];
  return entry(usage(flags), prose(sentences(text, more)));
}

function commandEntry(command: Command, textAfter: PageOptions["textAfter"]): string {
  const help = command.createHelp();
  const options = help.visibleOptions(command).filter(({ long }) => long !== "--help");
  const list = help.visibleArguments(command);
  const names = list.map((argument) => usage(help.argumentTerm(argument) === "" ? "" : written(argument)));
  const term = [
    bold(`popgate ${command.name()}`),
    ...names,
    ...(options.length > 0 ? [`[${usage("<option>")}\\|.\\|.\\|.]`] : []),
  ].join(" ");
  const described = list.filter((argument) => argument.description !== "");
  const inner = [
    ...described.map((argument) => entry(usage(written(argument)), prose(sentences(argument.description, [])))),
    ...options.map(optionEntry),
  ];
  const after = textAfter(command).trim();
  return [
    entry(term, prose(sentences(command.description(), []))),
    ...(inner.length > 0 ? [".RS", ...inner, ".RE"] : []),
    ...(after === "" ? [] : [".RS", verbatim(after), ".RE"]),
  ].join("\n");
}

function written(argument: { name: () => string; required: boolean; variadic: boolean }): string {
  const name = `${argument.name()}${argument.variadic ? "..." : ""}`;
  return argument.required ? `<${name}>` : `[${name}]`;
}

function sentences(first: string, more: readonly string[]): string {
  const whole = `${first.charAt(0).toUpperCase()}${first.slice(1)}`;
  return [/[.?!]$/u.test(whole) ? whole : `${whole}.`, ...more].join(" ");
}
