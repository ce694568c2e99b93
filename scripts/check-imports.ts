/**
 * Checks who imports whom in src/, type-only imports included: the table of folders, one owner for each third-party
 * package, no cycle, nothing unresolved, no I/O in the pure folders. docs/architecture.md shows the same as a drawing.
 *
 * Prints one line for each violation and ends with status 1 if there is any.
 */
import { existsSync, globSync, readFileSync } from "node:fs";
import path from "node:path";
import { parseSync } from "oxc-parser";

/** A folder of src may import itself and what stands here: a folder, or a single file without its suffix. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  core: [],
  message: ["core"],
  // The record carries a message's evidence.
  spool: ["core", "message"],
  net: ["core"],
  oauth: ["core"],
  // The ways to log in, for POP3 and SMTP alike.
  sasl: ["core", "net"],
  pop3: ["core", "net", "oauth", "sasl"],
  inbound: ["core", "message", "spool/port", "spool/record", "pop3/port"],
  delivery: ["core", "message", "spool/port", "spool/record", "net", "oauth", "sasl"],
  // The listener: mail that Exchange submits.
  outbound: ["core", "message", "spool/port", "spool/record", "net"],
  report: ["core", "message", "spool/port", "spool/record"],
  // Views of records, the HTTP interface, the web page's server.
  admin: ["core", "message", "spool/port", "spool/record", "net"],
  notice: ["core", "message", "spool/port", "spool/record"],
  // Looks at everything and is part of nothing: what logs in is given to it.
  doctor: ["core", "message", "net", "pop3/port", "config/loopback"],
  config: ["core", "message", "net"],
  // Other collectors' files, made into a configuration.
  migrate: ["core", "net/tls-policy"],
  runtime: ["core"],
  // Stand-ins for provider and Exchange, used by the demonstration and by the specs.
  demo: ["core", "app", "cli", "config", "message", "spool/port", "spool/record", "runtime"],
  // Of the admin interface only what travels over it, and the name of the header that says who asks.
  cli: [
    "core",
    "config",
    "app",
    "runtime",
    "spool",
    "message",
    "demo",
    "inbound",
    "migrate",
    "admin/schemas",
    "admin/actor",
    "doctor",
  ],
  // The composition root knows every part.
  app: [
    "admin",
    "core",
    "message",
    "spool",
    "net",
    "oauth",
    "sasl",
    "pop3",
    "inbound",
    "outbound",
    "delivery",
    "report",
    "notice",
    "doctor",
    "config",
    "runtime",
  ],
  "": ["cli"],
};

/** Which files may import a package. One owner each (p-queue: its two loops), so that replacing it stays a small change. */
const owners: Readonly<Record<string, RegExp>> = {
  lmdb: /^spool\/lmdb-[a-z-]+\.ts$/u,
  nodemailer: /^delivery\/smtp-[a-z-]+\.ts$/u,
  "smtp-server": /^outbound\/smtp-[a-z-]+\.ts$/u,
  fastify: /^admin\/[a-z-]+\.ts$/u,
  "prom-client": /^admin\/[a-z-]+\.ts$/u,
  "p-queue": /^(?:inbound|delivery)\/[a-z-]+\.ts$/u,
  pino: /^runtime\/log\.ts$/u,
  "pino-pretty": /^runtime\/log\.ts$/u,
  zod: /^(?:config|inbound|spool|admin)\/[a-z-]+\.ts$/u,
  "toml-eslint-parser": /^config\/[a-z-]+\.ts$/u,
  croner: /^(?:inbound|config)\/[a-z-]+\.ts$/u,
  commander: /^cli\/[a-z-]+\.ts$/u,
};

/** Folders without I/O, and what of Node they may use all the same. */
const pure = new Set(["core", "message"]);
const pureBuiltins = new Set(["node:url", "node:crypto", "node:buffer", "node:util"]);

const root = path.join(import.meta.dirname, "..", "src");
const files = globSync("**/*.ts", { cwd: root }).toSorted();
if (files.length === 0) throw new Error(`no sources in ${root}`);
const violations: string[] = [];
const graph = new Map<string, string[]>();

for (const file of files) {
  const targets: string[] = [];
  for (const specifier of importsOf(file)) {
    if (specifier.startsWith(".")) checkFile(file, specifier, targets);
    else if (specifier.startsWith("node:")) checkBuiltin(file, specifier);
    else checkPackage(file, specifier);
  }
  graph.set(file, targets);
}
for (const cycle of findCycles()) violations.push(`cycle: ${cycle.join(" → ")}`);

for (const violation of violations) process.stderr.write(`${violation}\n`);
process.stdout.write(`imports of ${files.length} files checked, ${violations.length} violation(s)\n`);
process.exitCode = violations.length === 0 ? 0 : 1;

function importsOf(file: string): string[] {
  const { module, errors } = parseSync(file, readFileSync(path.join(root, file), "utf8"));
  for (const { message } of errors) violations.push(`${file}: cannot be parsed: ${message}`);
  const dynamic = module.dynamicImports.flatMap(({ moduleRequest }) => {
    const text = readFileSync(path.join(root, file), "utf8").slice(moduleRequest.start, moduleRequest.end);
    const literal = /^["'](.+)["']$/u.exec(text)?.[1];
    if (literal === undefined) violations.push(`${file}: an import whose target cannot be seen: ${text}`);
    return literal === undefined ? [] : [literal];
  });
  const exported = module.staticExports
    .flatMap(({ entries }) => entries)
    .flatMap(({ moduleRequest }) => (moduleRequest === null ? [] : [moduleRequest.value]));
  return [...module.staticImports.map(({ moduleRequest }) => moduleRequest.value), ...exported, ...dynamic];
}

function checkFile(file: string, specifier: string, targets: string[]): void {
  const target = path.posix.join(path.posix.dirname(file), specifier);
  if (!existsSync(path.join(root, target))) {
    violations.push(`${file}: ${specifier} does not exist`);
    return;
  }
  targets.push(target);
  const from = folderOf(file);
  const to = folderOf(target);
  const allowed = mayImport[from];
  if (allowed === undefined) violations.push(`${file}: the folder ${from} is not in the table`);
  else if (from !== to && !allowed.includes(to) && !allowed.includes(target.replace(/\.ts$/u, "")))
    violations.push(`${file}: ${from || "main"} may not import ${target}`);
}

function checkBuiltin(file: string, specifier: string): void {
  if (pure.has(folderOf(file)) && !pureBuiltins.has(specifier))
    violations.push(`${file}: ${folderOf(file)} is pure and may not import ${specifier}`);
}

function checkPackage(file: string, specifier: string): void {
  const name = specifier.startsWith("@") ? specifier.split("/").slice(0, 2).join("/") : (specifier.split("/")[0] ?? "");
  const owner = owners[name];
  if (owner === undefined) violations.push(`${file}: the package ${name} has no owner in the table`);
  else if (!owner.test(file)) violations.push(`${file}: the package ${name} belongs to ${owner.source}`);
}

function folderOf(file: string): string {
  return file.includes("/") ? (file.split("/")[0] ?? "") : "";
}

function findCycles(): string[][] {
  const cycles: string[][] = [];
  const done = new Set<string>();
  const visit = (file: string, trail: readonly string[]): void => {
    if (trail.includes(file)) {
      cycles.push([...trail.slice(trail.indexOf(file)), file]);
      return;
    }
    if (done.has(file)) return;
    for (const target of graph.get(file) ?? []) visit(target, [...trail, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  return cycles;
}
