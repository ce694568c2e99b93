/**
 * What every document shows is so: its configurations load without a warning, its commands and their options are there,
 * its links lead somewhere, and the files of this repository that it names are there.
 */
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { typed } from "../cli/console.ts";
import { blocks, brokenLinks, commandLines, document, faultsOf, root, rows } from "./document.ts";

const names = [
  "README.md",
  "CHANGELOG.md",
  ...readdirSync(path.join(root, "docs"))
    .filter((file) => file.endsWith(".md"))
    .map((file) => `docs/${file}`),
];

test("there is something to look at", () => {
  const texts = names.map(document);
  expect(texts.flatMap((text) => blocks(text, "toml")).length).toBeGreaterThan(6);
  expect(texts.flatMap(commandLines).length).toBeGreaterThan(60);
});

describe.each(names)("%s", (name) => {
  const text = document(name);

  test("links", () => {
    expect(brokenLinks(name)).toEqual([]);
  });

  test("files that it names", () => {
    const named = [...text.matchAll(/`((?:docs|scripts|spec|src|web)\/[\w./-]+)`/gu)].map(([, file]) => file ?? "");
    expect(named.filter((file) => !existsSync(path.join(root, file)))).toEqual([]);
  });

  test("targets of make that it names", () => {
    const named = [...text.matchAll(/(?:`|^)make ([a-z][a-z-]*)/gmu)].map(([, target = ""]) => target);
    expect(named.filter((target) => !new RegExp(`^${target}:`, "mu").test(document("Makefile")))).toEqual([]);
  });

  test.each(blocks(text, "toml"))("configuration %#: %s", async (snippet) => {
    expect(await faultsOf(snippet)).toEqual([]);
  });

  test.each(commandLines(text))("%s", async (line) => {
    expect(await misused(line)).toEqual([]);
  });
});

const overview = typed(["--help"]);

/** What a command line has that the program has not. */
async function misused(line: string): Promise<readonly string[]> {
  const [, name = "", ...rest] = line.split(/\s+/u);
  if (name.startsWith("-") || name === "…") return [];
  if (!new RegExp(`^  ${name} `, "mu").test((await overview).stdout)) return [`no command ${name}`];
  const help = (await typed([name, "--help"])).stdout;
  const unknown = rest
    .filter((word) => word.startsWith("-"))
    .filter((option) => !new RegExp(`(?:^|[ ,])${option}[ ,\\n]`, "mu").test(help));
  // A command that takes nothing is given nothing.
  const isGiven = rest.some((word, index) => !word.startsWith("-") && rest[index - 1]?.startsWith("-") !== true);
  const takes = /\[options\] [<[]/u.test(help.split("\n")[0] ?? "");
  return [...unknown.map((option) => `no option ${option}`), ...(isGiven && !takes ? ["no argument"] : [])];
}

test("each check that the page on security speaks of is shown by a spec", () => {
  const checks = rows(document("docs/security.md"));
  expect(checks.length).toBeGreaterThan(30);
  for (const [what = "", specs = ""] of checks) {
    const files = specs.split(", ");
    for (const file of files) expect(file, what).toMatch(/^`spec\/[\w/-]+\.spec\.ts`$/u);
  }
});

test("how the unit of the Debian package is rated, as its own comment says", () => {
  const said = /gives (\d\.\d) /u.exec(document("scripts/deb/popgate.service"))?.[1];
  expect(document("docs/security.md")).toContain(`rates it ${said ?? "?"},`);
});

test("the page on the architecture has each folder of the program, and no other", () => {
  const parts =
    document("docs/architecture.md")
      .split(/^## The parts$/mu)[1]
      ?.split(/^## /mu)[0] ?? "";
  const named = rows(parts).map(([folder = ""]) => folder.replaceAll("`", ""));
  const folders = readdirSync(path.join(root, "src"), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(named.toSorted()).toEqual(folders.map(({ name }) => name).toSorted());
});
