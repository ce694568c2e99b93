/** The manual pages in docs/man are what the program has now, and say all of it. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { bold, prose, usage, verbatim } from "../../scripts/man/roff.ts";
import { manualPages } from "../../scripts/man.ts";
import { referenceTables } from "../../src/config/reference.ts";
import { typed } from "../cli/console.ts";

const folder = path.join(import.meta.dirname, "../../docs/man");
const pages = Object.entries(manualPages());

describe.each(pages)("%s", (name, text) => {
  it("is in step with the program (otherwise: node scripts/man.ts)", () => {
    expect(readFileSync(path.join(folder, name), "utf8")).toBe(text);
  });

  it("has the sections that a manual page has", () => {
    const sections = [...text.matchAll(/^\.SH "(.*)"$/gmu)].map(([, title]) => title);
    for (const needed of ["NAME", "DESCRIPTION", "FILES", "EXAMPLES", "SEE ALSO"]) expect(sections).toContain(needed);
    if (name === "popgate.1")
      expect(sections).toEqual(
        expect.arrayContaining(["SYNOPSIS", "OPTIONS", "EXIT STATUS", "SIGNALS", "ENVIRONMENT"]),
      );
  });

  it("has no line that roff would take for a request of its own", () => {
    const known = new Set(['.\\"', ".PP", ".RE", ".RS", ".SH", ".SS", ".TH", ".TP", ".fi", ".in", ".nf"]);
    const requests = [...text.matchAll(/^[.'][^ \n]*/gmu)].map(([request]) => request);
    expect(requests.length).toBeGreaterThan(50);
    expect(requests.filter((request) => !known.has(request))).toEqual([]);
  });
});

it("has every command of the help, and every option of each", async () => {
  const text = readFileSync(path.join(folder, "popgate.1"), "utf8");
  const overview = (await typed(["--help"])).stdout;
  const names = [...overview.matchAll(/^  ([a-z]+) /gmu)]
    .map(([, name = ""]) => name)
    .filter((name) => name !== "help");
  expect(names.length).toBeGreaterThan(25);
  for (const name of names) {
    const part = text.slice(text.indexOf(`\n${bold(`popgate ${name}`)}`));
    expect(part, name).toMatch(/^\n\\fBpopgate/u);
    const help = (await typed([name, "--help"])).stdout;
    const options = [...help.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gmu)].map(([, option = ""]) => option);
    for (const option of options.filter((each) => each !== "--help"))
      expect(part, `${name} ${option}`).toContain(bold(option));
  }
});

it("has every key of the configuration", () => {
  const text = readFileSync(path.join(folder, "popgate.toml.5"), "utf8");
  const keys = referenceTables().flatMap((table) => table.keys.map(({ name }) => name));
  expect(keys.length).toBeGreaterThan(100);
  for (const key of keys) expect(text).toContain(`\n${bold(key)} (`);
});

describe("roff", () => {
  it("marks code and placeholders, and hides what would be read as a request", () => {
    expect(prose("as `--all` has it, well-known")).toBe("as \\fB\\-\\-all\\fP has it, well-known");
    expect(prose(".profile is read")).toBe("\\&.profile is read");
    expect(prose("a \\ and ~")).toBe("a \\e and \\(ti");
    expect(usage("-c, --config <file>")).toBe("\\fB\\-c\\fP, \\fB\\-\\-config\\fP \\fIfile\\fP");
    expect(usage("[id...]")).toBe("[\\fIid\\fP\\|.\\|.\\|.]");
    expect(verbatim("'a'\n.b")).toContain("\n\\(aqa\\(aq\n\\&.b\n");
  });

  it("breaks long lines at blanks only, and hides a dot that comes to the front by that", () => {
    const text = prose(`${"a".repeat(75)} .b ${"c".repeat(90)} d`);
    expect(text).toBe(`${"a".repeat(75)} .b\n${"c".repeat(90)}\nd`);
    expect(prose(`${"a".repeat(78)} .b`)).toBe(`${"a".repeat(78)}\n\\&.b`);
  });
});
