/**
 * The handbooks say what the program does: their configurations load, their commands and options are there, their reasons
 * for held mail are all of them in the program's own words, their links lead somewhere, and both tell the same.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { loadConfig } from "../../src/config/load.ts";
import { formatProblem } from "../../src/config/problem.ts";
import { holdWords } from "../../src/core/hold.ts";
import { germanHoldWords } from "../../src/notice/german-words.ts";
import { TemporaryDirectory } from "../spool/support.ts";
import { typed } from "../cli/console.ts";

const docs = path.join(import.meta.dirname, "../../docs");
const english = readFileSync(path.join(docs, "handbook.md"), "utf8");
const german = readFileSync(path.join(docs, "handbuch.md"), "utf8");
const books = [
  { name: "handbook.md", text: english, words: holdWords },
  { name: "handbuch.md", text: german, words: germanHoldWords },
];

/** What stands in fenced blocks of one language, without the indentation of a list. */
function blocks(text: string, language: string): string[] {
  const fenced = new RegExp(`^( *)\`\`\`${language}\\n(.*?)^ *\`\`\`$`, "gmsu");
  return [...text.matchAll(fenced)].map(([, indent = "", body = ""]) =>
    body.replaceAll(new RegExp(`^${indent}`, "gmu"), ""),
  );
}

/** `popgate …` in shell blocks and between backticks. */
function commandLines(text: string): string[] {
  const inBlocks = blocks(text, "sh").flatMap((block) => block.split("\n"));
  const between = [...text.matchAll(/`(popgate [^`]+)`/gu)].map(([, line]) => line ?? "");
  return [...new Set([...inBlocks, ...between].filter((line) => line.startsWith("popgate ")))];
}

const base = 'hostname = "popgate.firma.example"\npostmaster = "a@firma.example"\ndomains = ["firma.example"]\n';
const exchange = '[exchange]\nhost = "exchange.firma.example"\n';
const collector = '[[collector]]\nname = "x"\nhost = "h.example"\nuser = "u"\npassword = { env = "SECRET" }\n';

/** A piece of a configuration with what it leaves out. */
function completed(snippet: string, folder: string): string {
  const file = path.join(folder, "secret");
  writeFileSync(file, "geheim\n", { mode: 0o600 });
  const whole = [
    snippet.includes("hostname") ? "" : base,
    snippet,
    snippet.includes("[exchange]") ? "" : exchange,
    /\[\[collector\]\]|\[listener\]/u.test(snippet) ? "" : collector,
  ].join("\n");
  return whole.replaceAll(/file = "[^"]+"/gu, `file = ${JSON.stringify(file)}`);
}

describe.each(books)("$name", ({ text, words }) => {
  test.each(blocks(text, "toml"))("configuration %#: %s", async (snippet) => {
    using folder = new TemporaryDirectory();
    const file = path.join(folder.path, "popgate.toml");
    writeFileSync(file, completed(snippet, folder.path));
    const result = await loadConfig(file, { SECRET: "geheim" });
    expect(result.kind === "ok" ? [] : result.problems.map(formatProblem)).toEqual([]);
    expect(result.warnings.map(formatProblem)).toEqual([]);
  });

  test("there are configurations and commands to look at", () => {
    expect(blocks(text, "toml").length).toBeGreaterThanOrEqual(3);
    expect(commandLines(text).length).toBeGreaterThan(20);
  });

  test.each(commandLines(text))("%s", async (line) => {
    const [, name = "", ...rest] = line.split(/\s+/u);
    const overview = await typed(["--help"]);
    expect(overview.stdout).toMatch(new RegExp(`^  ${name} `, "mu"));
    const help = (await typed([name, "--help"])).stdout;
    for (const option of rest.filter((word) => word.startsWith("-")))
      expect(help, option).toMatch(new RegExp(`(?:^|[ ,])${option}[ ,\\n]`, "mu"));
    // A command that takes nothing is given nothing.
    const given = rest.some((word, index) => !word.startsWith("-") && rest[index - 1]?.startsWith("-") !== true);
    if (given) expect(help.split("\n")[0]).toMatch(/\[options\] [<[]/u);
  });

  test("each reason for holding mail, in the program's own words", () => {
    const rows = Object.entries(words).map(
      ([reason, { meaning, remedy }]) => `| \`${reason}\` | ${meaning} | ${remedy} |`,
    );
    const found = text.split("\n").filter((line) => /^\| `[a-z-]+` \| [^|]+ \| [^|]+ \|$/u.test(line));
    expect(found).toEqual(rows);
  });

  test("links lead to files and headings that are there", () => {
    const headings = [...text.matchAll(/^#+ (.+)$/gmu)].map(([, title = ""]) => anchor(title));
    const targets = [...text.matchAll(/\]\(([^)]+)\)/gu)].map(([, target]) => target ?? "");
    expect(targets.length).toBeGreaterThan(8);
    for (const target of targets) {
      if (target.startsWith("#")) expect(headings).toContain(target.slice(1));
      else expect(existsSync(path.join(docs, target)), target).toBe(true);
    }
  });
});

/** As GitHub makes it of a heading. */
function anchor(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} -]/gu, "")
    .replaceAll(" ", "-");
}

test("both books show the same cmdlets, and the same number of chapters", () => {
  expect(blocks(german, "powershell")).toEqual(blocks(english, "powershell"));
  const chapters = (text: string) => text.match(/^#+ /gmu)?.length;
  expect(chapters(german)).toBe(chapters(english));
});
