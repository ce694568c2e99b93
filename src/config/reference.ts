/**
 * The reference of all keys as Markdown, made from the schema, so that it says what the program does. The script
 * `scripts/config-reference.ts` writes it to docs; a spec fails when the two differ.
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

export function configReference(): string {
  const root = propertiesOf(configJsonSchema());
  const required = requiredOf(configJsonSchema());
  const plain = Object.entries(root).filter(([, node]) => tableOf(node) === undefined);
  const parts = [introduction, "## At the top of the file\n", rows(plain, required)];
  for (const [name, node] of Object.entries(root)) {
    const table = tableOf(node);
    if (table === undefined) continue;
    parts.push(`## ${repeated.has(name) ? `[[${name}]]` : `[${name}]`}\n`, `${text(node["description"])}\n`);
    parts.push(rows(Object.entries(propertiesOf(table)), requiredOf(table)));
    for (const [key, inner] of Object.entries(propertiesOf(table))) {
      const innerTable = isSecret(inner) ? undefined : tableOf(inner);
      if (innerTable === undefined) continue;
      parts.push(`### ${name}.${key}\n`, rows(Object.entries(propertiesOf(innerTable)), requiredOf(innerTable)));
    }
  }
  return `${parts.join("\n").trimEnd()}\n`;
}

function rows(entries: readonly (readonly [string, Node])[], required: ReadonlySet<string>): string {
  const lines = entries.map(([key, node]) => {
    const fallback = required.has(key) ? "**needed**" : code(node["default"]);
    return `| \`${key}\` | ${kindOf(node)} | ${fallback} | ${text(node["description"])} |`;
  });
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

function text(value: unknown): string {
  return typeof value === "string" ? value.replaceAll("|", "\\|") : "";
}
