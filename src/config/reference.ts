/**
 * The reference of all keys, made from the schema, so that it says what the program does; as Markdown, and as it is for
 * the manual page. `scripts/config-reference.ts` and `scripts/man.ts` write them to docs; a spec fails when they differ.
 */
import { configJsonSchema } from "./schema.ts";

const introduction = `# Configuration: all keys of \`popgate.toml\`

This page is made from the schema that the program checks the file against; do not edit it by hand.
An example to begin with is \`docs/examples/popgate.example.toml\`. \`popgate check --config FILE\` names everything
that is wrong in a file, with line and column, and says in plain words what it means.

- **time**: a number and a unit: \`90s\`, \`5m\`, \`1h 30m\`, \`14d\`, \`2w\`.
- **size**: a number and a unit: \`25 MB\` (millions of octets), \`1 GiB\` (1,073,741,824 octets).
- **domain**, **host**, **address**: umlauts are allowed in domains. Hosts are names or IP addresses, without a port.
- **secret**: where a password is kept: \`{ file = "…" }\` (readable by its owner only), \`{ env = "…" }\`,
  \`{ command = ["program", "argument"], timeout = "10s" }\` (no shell), or \`{ credential = "…" }\` (systemd's
  \`LoadCredential=\`). Text in the file itself is taken with a warning. Secrets are read when they are used, so that a
  changed one needs no restart. Users have hashes instead of passwords, made by \`popgate passwd NAME\`, which may stand
  in the file; keys of \`[[dkim]]\` are PEM of several lines.
- Paths start from the folder of the configuration file, unless they begin with \`/\`.
`;

type Node = Readonly<Record<string, unknown>>;

/** Tables that stand several times. */
const repeated = new Set(["collector", "mailbox", "relay", "dkim"]);

/** One key, as the reference of the configuration and the manual page show it. */
export interface ReferenceKey {
  readonly name: string;
  /** What is written there, with code between backticks. */
  readonly kind: string;
  readonly needed: boolean;
  /** As it is written, between backticks; empty without one. */
  readonly fallback: string;
  readonly meaning: string;
}

/** The keys of one table; `name` is empty for those at the top of the file. */
export interface ReferenceTable {
  readonly name: string;
  /** `within`: a table in a table, `collector.password`; `repeated`: `[[collector]]`. */
  readonly form: "top" | "table" | "repeated" | "within";
  readonly description: string;
  readonly keys: readonly ReferenceKey[];
}

/** All tables in the schema's order, each before those within it. */
export function referenceTables(): readonly ReferenceTable[] {
  const root = propertiesOf(configJsonSchema());
  const plain = Object.entries(root).filter(([, node]) => tableOf(node) === undefined);
  const tables: ReferenceTable[] = [
    { name: "", form: "top", description: "", keys: keysOf(plain, requiredOf(configJsonSchema())) },
  ];
  for (const [name, node] of Object.entries(root)) {
    const table = tableOf(node);
    if (table === undefined) continue;
    const form = repeated.has(name) ? "repeated" : "table";
    tables.push({ name, form, description: plainText(node["description"]), keys: keysOfTable(table) });
    for (const [key, inner] of Object.entries(propertiesOf(table))) {
      const innerTable = isSecret(inner) ? undefined : tableOf(inner);
      if (innerTable !== undefined)
        tables.push({ name: `${name}.${key}`, form: "within", description: "", keys: keysOfTable(innerTable) });
    }
  }
  return tables;
}

/** `docs/configuration.md`. */
export function configReference(): string {
  const parts = referenceTables().flatMap(({ name, form, description, keys }) => {
    if (form === "top") return ["## At the top of the file\n", rows(keys)];
    if (form === "within") return [`### ${name}\n`, rows(keys)];
    return [`## ${form === "repeated" ? `[[${name}]]` : `[${name}]`}\n`, `${cell(description)}\n`, rows(keys)];
  });
  return `${[introduction, ...parts].join("\n").trimEnd()}\n`;
}

function keysOfTable(table: Node): readonly ReferenceKey[] {
  return keysOf(Object.entries(propertiesOf(table)), requiredOf(table));
}

function keysOf(entries: readonly (readonly [string, Node])[], required: ReadonlySet<string>): readonly ReferenceKey[] {
  return entries.map(([name, node]) => ({
    name,
    kind: kindOf(node),
    needed: required.has(name),
    fallback: code(node["default"]),
    meaning: plainText(node["description"]),
  }));
}

function rows(keys: readonly ReferenceKey[]): string {
  const lines = keys.map(
    ({ name, kind, needed, fallback, meaning }) =>
      `| \`${name}\` | ${kind} | ${needed ? "**needed**" : fallback} | ${cell(meaning)} |`,
  );
  return ["| key | kind | default | meaning |", "|---|---|---|---|", ...lines, ""].join("\n");
}

function kindOf(node: Node): string {
  if (isSecret(node)) return "secret";
  if (Array.isArray(node["enum"])) return node["enum"].map((value) => code(value)).join(", ");
  const branches = branchesOf(node);
  if (branches.length > 0) return [...new Set(branches.map(kindOf))].join(", or ");
  if (typeof node["title"] === "string") return node["title"];
  switch (node["type"]) {
    case "array":
      return `list of ${kindOf(asNode(node["items"]))}`;
    case "integer":
      return "number";
    case "boolean":
      return "`true`, `false`";
    case "object":
      return node["additionalProperties"] === false
        ? "table"
        : `table of ${kindOf(asNode(node["additionalProperties"]))}`;
    default:
      return "text";
  }
}

function isSecret(node: Node): boolean {
  return branchesOf(node).some((branch) => "credential" in propertiesOf(branch));
}

/** The table with keys of its own that a node is, or that its list holds. */
function tableOf(node: Node): Node | undefined {
  if (node["type"] === "array") return tableOf(asNode(node["items"]));
  if (Object.keys(propertiesOf(node)).length > 0) return node;
  return branchesOf(node).find((branch) => tableOf(branch) !== undefined && branch["type"] === "object");
}

function branchesOf(node: Node): readonly Node[] {
  return Array.isArray(node["anyOf"]) ? node["anyOf"].map(asNode) : [];
}

function propertiesOf(node: Node): Readonly<Record<string, Node>> {
  return Object.fromEntries(Object.entries(asNode(node["properties"])).map(([key, value]) => [key, asNode(value)]));
}

/** A key with a default is needed by the result, not by who writes the file. */
function requiredOf(node: Node): ReadonlySet<string> {
  const names: unknown[] = Array.isArray(node["required"]) ? node["required"] : [];
  return new Set(names.map(String));
}

function asNode(value: unknown): Node {
  return typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}

function code(value: unknown): string {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return "";
  const shown = JSON.stringify(value);
  return shown === "{}" ? "" : `\`${shown.replaceAll(",", ", ")}\``;
}

function plainText(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
