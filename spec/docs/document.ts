/** Documents as their specs see them: fenced blocks, command lines, tables, headings and links. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { loadConfig } from "../../src/config/load.ts";
import { formatProblem } from "../../src/config/problem.ts";
import { hashPassword } from "../../src/core/password-hash.ts";
import { TemporaryDirectory } from "../spool/support.ts";

export const root = path.join(import.meta.dirname, "../..");

/** By its path from the top of the repository. */
export function document(name: string): string {
  return readFileSync(path.join(root, name), "utf8");
}

/** What stands in fenced blocks of one language, without the indentation of a list. */
export function blocks(text: string, language: string): string[] {
  const fenced = new RegExp(`^( *)\`\`\`${language}\\n(.*?)^ *\`\`\`$`, "gmsu");
  return [...text.matchAll(fenced)].map(([, indent = "", body = ""]) =>
    body.replaceAll(new RegExp(`^${indent}`, "gmu"), ""),
  );
}

/** `popgate …` in shell blocks and between backticks, without the comments of the shell. */
export function commandLines(text: string): string[] {
  const inBlocks = blocks(text, "sh").flatMap((block) => block.split("\n"));
  const between = [...text.matchAll(/`(popgate [^`]+)`/gu)].map(([, line]) => line ?? "");
  const lines = [...inBlocks, ...between].map((line) =>
    line
      .replace(/\s+#.*$/u, "")
      .replace(/^sudo (?:-u \S+ )?/u, "")
      .trim(),
  );
  return [...new Set(lines.filter((line) => line.startsWith("popgate ")))];
}

/** As GitHub makes it of a heading. */
function anchor(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");
}

/** Links that lead nowhere: to no file, or to no heading of theirs. Addresses of the web are not looked up. */
export function brokenLinks(name: string): string[] {
  const text = document(name);
  const targets = [...text.matchAll(/\]\(([^)]+)\)/gu)].map(([, target]) => target ?? "");
  return targets.filter((target) => {
    if (/^https?:/u.test(target)) return false;
    const [file = "", fragment] = target.split("#");
    const resolved = file === "" ? name : path.join(path.dirname(name), file);
    if (!existsSync(path.join(root, resolved))) return true;
    return fragment !== undefined && !headings(document(resolved)).includes(fragment);
  });
}

function headings(text: string): string[] {
  const prose = text.replaceAll(/^ *```.*?^ *```$/gmsu, "");
  return [...prose.matchAll(/^#+ (.+)$/gmu)].map(([, title = ""]) => anchor(title));
}

/** The cells of the rows of all tables, without their heads. */
export function rows(text: string): string[][] {
  return text
    .split("\n")
    .filter((line, index, lines) => line.startsWith("|") && !/^\|[-| ]+\|$/u.test(lines[index + 1] ?? ""))
    .filter((line) => !/^\|[-| ]+\|$/u.test(line))
    .map((line) =>
      line
        .slice(1, -1)
        .split(/(?<!\\)\|/u)
        .map((cell) => cell.trim()),
    );
}

const base = 'hostname = "popgate.firma.example"\npostmaster = "a@firma.example"\ndomains = ["firma.example"]\n';
const exchange = '[exchange]\nhost = "exchange.firma.example"\n';
const collector = '[[collector]]\nname = "x"\nhost = "h.example"\nuser = "u"\npassword = { env = "SECRET" }\n';

const hash = hashPassword("geheim");

/** A piece of a configuration with what it leaves out: secrets, hashes among them, are files of this folder. */
export async function completed(snippet: string, folder: string): Promise<string> {
  const secret = path.join(folder, "secret");
  writeFileSync(secret, "geheim\n", { mode: 0o600 });
  const hashed = path.join(folder, "hash");
  writeFileSync(hashed, `${await hash}\n`, { mode: 0o600 });
  const whole = [
    /^hostname\b/mu.test(snippet) ? "" : base,
    snippet,
    snippet.includes("[exchange]") ? "" : exchange,
    /\[\[(?:collector|mailbox)\]\]|\[listener\]/u.test(snippet) ? "" : collector,
  ].join("\n");
  return whole.replaceAll(
    /file = "([^"]+)"/gu,
    (_, name: string) => `file = ${JSON.stringify(name.endsWith(".hash") ? hashed : secret)}`,
  );
}

/** What the program finds wrong with a piece of a configuration, warnings included. */
export async function faultsOf(snippet: string): Promise<readonly string[]> {
  using folder = new TemporaryDirectory();
  const file = path.join(folder.path, "popgate.toml");
  writeFileSync(file, await completed(snippet, folder.path));
  for (const [, name = ""] of snippet.matchAll(/credential = "([^"]+)"/gu))
    writeFileSync(path.join(folder.path, name), "geheim\n", { mode: 0o600 });
  const result = await loadConfig(file, { SECRET: "geheim", CREDENTIALS_DIRECTORY: folder.path });
  const problems = result.kind === "ok" ? [] : result.problems;
  return [...problems, ...result.warnings].map(formatProblem);
}
