/** popgate.toml(5), made from the schema of the configuration. */
import { readFileSync } from "node:fs";
import { type ReferenceKey, type ReferenceTable, referenceTables } from "../../src/config/reference.ts";
import { bold, entry, prose, section, subsection, title, verbatim } from "./roff.ts";

const example = new URL("../../docs/examples/popgate.example.toml", import.meta.url);

export function configPage(version: string, date: string): string {
  return `${[
    `.\\" Made by scripts/man.ts from the schema of the configuration; do not edit it by hand.`,
    title("popgate.toml", 5, date, `popgate ${version}`, "File Formats Manual"),
    section("Name", "popgate.toml \\- configuration of the mail gateway popgate"),
    section("Description", ...description.map(prose)),
    section("Values", ...values.map(([term, text]) => entry(prose(term), prose(text)))),
    section("Keys"),
    ...referenceTables().map(tablePart),
    section(
      "Files",
      entry(bold("/etc/popgate/popgate.toml"), prose("The configuration, where no command is told another one.")),
    ),
    section("Examples", verbatim(readFileSync(example, "utf8").trimEnd())),
    section("See also", `${bold("popgate")}(1), ${bold("systemd.exec")}(5), https://toml.io/`),
  ].join("\n")}\n`;
}

const description = [
  "The configuration is TOML 1.0. It is checked as a whole before anything starts: `popgate check` names everything that is wrong in it, with line and column, and says in plain words what a good one means. `popgate init` asks for what is needed and writes a first one, `popgate import` makes one from a fetchmailrc or getmailrc.",
  "A changed file is taken by `popgate reload` or SIGHUP; a bad one is refused, and the old one stays.",
  "Unknown keys are errors. Paths start from the folder of the file, unless they begin with `/`.",
];

const values = [
  ["time", "A number and a unit: `90s`, `5m`, `1h 30m`, `14d`, `2w`."],
  ["size", "A number and a unit: `25 MB` (millions of octets), `1 GiB` (1,073,741,824 octets)."],
  ["domain, host, address", "Umlauts are allowed in domains. Hosts are names or IP addresses, without a port."],
  [
    "secret",
    'Where a password is kept: `{ file = "…" }` (readable by its owner only), `{ env = "…" }`, `{ command = ["program", "argument"], timeout = "10s" }` (no shell), or `{ credential = "…" }` (systemd\'s `LoadCredential=`). Text in the file itself is taken with a warning. Secrets are read when they are used, so that a changed one needs no restart.',
  ],
] as const;

function tablePart({ name, form, description: text, keys }: ReferenceTable): string {
  return [subsection(headingOf(name, form), ...(text === "" ? [] : [prose(text)])), ...keys.map(keyEntry)].join("\n");
}

function headingOf(name: string, form: ReferenceTable["form"]): string {
  switch (form) {
    case "top":
      return "At the top of the file";
    case "repeated":
      return `[[${name}]], several times`;
    case "table":
      return `[${name}]`;
    case "within":
      return `${name} = { ... }`;
  }
}

function keyEntry({ name, kind, needed, fallback, meaning }: ReferenceKey): string {
  const how = [kind, ...(needed ? ["needed"] : []), ...(fallback === "" ? [] : [`default ${fallback}`])].join("; ");
  return entry(`${bold(name)} (${prose(how)})`, ...(meaning === "" ? [".br"] : [prose(meaning)]));
}
