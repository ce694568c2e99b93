/**
 * Reads and checks `popgate.toml`. Everything that is wrong is told at once, each with its place in the file; a
 * configuration with as much as one error is not used at all, a warning lets it pass.
 *
 * Never throws for what stands in the file, or for a file that is not there. Does not start anything, connect to
 * anything or write anything; commands that print secrets are not run here.
 */
import { constants } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { checkAccounts } from "./check-account.ts";
import { checkGeneral } from "./check-general.ts";
import { requireEnvelope } from "./check-envelope.ts";
import { requireLogin } from "./check-login.ts";
import { checkOutbound } from "./check-outbound.ts";
import type { Config } from "./config.ts";
import { ConfigFiles } from "./config-files.ts";
import { readDocument, type TomlTable } from "./document.ts";
import { hasCode, textOf } from "./failure.ts";
import { Findings } from "./findings.ts";
import { keyText, type KeyPath } from "./key-path.ts";
import type { ConfigProblem } from "./problem.ts";
import { resolveConfig } from "./resolve.ts";
import type { Draft } from "./schema.ts";
import { valueAt } from "./schema-issues.ts";
import { shape } from "./shape.ts";

export type ConfigResult =
  | { readonly kind: "ok"; readonly config: Config; readonly warnings: readonly ConfigProblem[] }
  | {
      readonly kind: "bad";
      readonly problems: readonly ConfigProblem[];
      readonly warnings: readonly ConfigProblem[];
    };

/** No configuration that a person writes comes near it. */
const largestFile = 1024 * 1024;

/**
 * `env`: the environment that secrets may come from. `onSecret` is told each secret's value when it is read, now and
 * later, so that the log can keep it out of its lines.
 */
export async function loadConfig(
  path: string,
  env: Readonly<Record<string, string | undefined>>,
  onSecret: (value: string) => void = () => undefined,
): Promise<ConfigResult> {
  const file = resolve(path);
  const source = await readSource(file);
  if (source.kind === "bad")
    return { kind: "bad", problems: [{ file, column: 1, key: "", ...source.problem }], warnings: [] };
  const document = readDocument(source.text);
  const findings = new Findings(file, document);
  for (const { line, column, key, message, hint } of document.faults)
    findings.add({ line, column, key, message, hint });
  const { complaints, raw, draft } = shape(document.root);
  for (const { path: at, about, message, hint } of complaints) {
    // What is missing may have stood in a line that could not be read.
    if (about === "missing" && document.damaged) continue;
    if (about === "missing") findings.add({ ...document.valueAt(at.slice(0, -1)), key: keyText(at), message, hint });
    else findings.error(at, message, hint, about);
  }
  const files = new ConfigFiles(dirname(file), { env, onValue: onSecret, uid: process.geteuid?.() });
  const complete = !document.damaged;
  checkGeneral(draft, findings);
  checkAccounts(draft, complete && raw !== undefined, findings);
  const has = (path: KeyPath): boolean => valueAt(document.root, path) !== undefined;
  checkOutbound(draft, complete && raw !== undefined, has, findings);
  if (complete) requireKeys(draft, document.root, findings);
  await files.check(draft, source.exposed, findings);
  if (raw === undefined || findings.errors.length > 0)
    return { kind: "bad", problems: findings.errors, warnings: findings.warnings };
  return { kind: "ok", config: resolveConfig(file, raw, files), warnings: findings.warnings };
}

type Source =
  | { readonly kind: "ok"; readonly text: string; readonly exposed: boolean }
  | {
      readonly kind: "bad";
      readonly problem: { readonly line: number; readonly message: string; readonly hint: string };
    };

async function readSource(file: string): Promise<Source> {
  try {
    // Not to wait for ever on a FIFO.
    await using handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    return await readText(handle);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return unusable("the file does not exist");
    if (hasCode(error, "EACCES"))
      return unusable("the file cannot be read by this user", "Run it as the user of the service");
    return unusable(`the file cannot be read: ${textOf(error)}`);
  }
}

async function readText(handle: FileHandle): Promise<Source> {
  const stat = await handle.stat();
  if (stat.isDirectory()) return unusable("it is a folder", "Name the file in it");
  if (!stat.isFile()) return unusable("it is not a regular file");
  if (stat.size > largestFile) return unusable("it is larger than 1 MiB, which no configuration is");
  const bytes = await handle.readFile();
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return text.trim() === ""
      ? unusable("the file is empty", "hostname, postmaster, domains, [exchange] and a [[collector]] are needed")
      : { kind: "ok", text, exposed: (stat.mode & 0o077) !== 0 };
  } catch {
    return unusable("this line is not UTF-8", "Save the file as UTF-8", lineNotUtf8(bytes));
  }
}

function lineNotUtf8(bytes: Buffer): number {
  let line = 1;
  for (let start = 0; start < bytes.length; line++) {
    const next = bytes.indexOf(0x0a, start);
    const end = next < 0 ? bytes.length : next + 1;
    const text = bytes.subarray(start, end);
    if (!Buffer.from(text.toString("utf8")).equals(text)) return line;
    start = end;
  }
  return 1;
}

function unusable(message: string, hint = "", line = 1): Source {
  return { kind: "bad", problem: { line, message, hint } };
}

/** Keys of which one of several must be there. Looks at the file itself: a bad value has been complained of already. */
function requireKeys(draft: Draft, root: TomlTable, findings: Findings): void {
  for (const section of ["collector", "mailbox"] as const) {
    for (const index of (draft[section] ?? []).keys()) {
      const has = (key: string): boolean => valueAt(root, [section, index, key]) !== undefined;
      requireLogin(has, [section, index], findings);
      if (section === "collector") requireEnvelope(has, [section, index], findings);
    }
  }
}
