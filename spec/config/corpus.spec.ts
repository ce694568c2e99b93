/**
 * The folders of configurations: bad ones that must be refused with exactly the problems that their first lines name,
 * doubtful ones that must load with exactly those warnings, and good ones that must load with none.
 */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { loadConfig } from "../../src/config/load.ts";
import { formatProblem, type ConfigProblem } from "../../src/config/problem.ts";
import { corpusPath } from "./corpus-folder.ts";
import { env } from "./surroundings.ts";

interface Expected {
  readonly line: number;
  readonly key: string;
  readonly message: string;
}

function folder(name: string) {
  const path = `${corpusPath(name)}/`;
  return readdirSync(path)
    .filter((file) => file.endsWith(".toml"))
    .map((file) => ({ file, path: `${path}${file}` }));
}

/** Comment lines `# expect: line: key: message` (or `# warn: …`). Latin-1, since one file is meant not to be UTF-8. */
function expectedOf(path: string, word: string): readonly Expected[] {
  const pattern = new RegExp(`^# ${word}: (\\d+): (\\S*): (.+)$`, "gmu");
  const found = readFileSync(path, "latin1").matchAll(pattern);
  return [...found].map(([, line, key, message]) => ({ line: Number(line), key: key ?? "", message: message ?? "" }));
}

function expectProblems(problems: readonly ConfigProblem[], expected: readonly Expected[]): void {
  const places = (list: readonly { line: number; key: string }[]) =>
    list.map(({ line, key }) => `${line}: ${key}`).sort();
  expect(places(problems), problems.map(formatProblem).join("\n")).toEqual(places(expected));
  for (const { line, key, message } of expected) {
    const texts = problems.filter((problem) => problem.line === line && problem.key === key).map(formatProblem);
    expect(
      texts.some((text) => text.includes(message)),
      `${message}\nis not in\n${texts.join("\n")}`,
    ).toBe(true);
  }
}

describe("bad configurations", () => {
  const files = folder("config-bad");

  test("the folder is there", () => {
    expect(files.length).toBeGreaterThanOrEqual(175);
  });

  test.each(files)("$file", async ({ path }) => {
    const expected = expectedOf(path, "expect");
    expect(expected.length).toBeGreaterThan(0);
    const result = await loadConfig(path, env);
    expect(result.kind).toBe("bad");
    if (result.kind === "bad") expectProblems(result.problems, expected);
  });
});

describe("doubtful configurations", () => {
  const files = folder("config-doubtful");

  test("the folder is there", () => {
    expect(files.length).toBeGreaterThanOrEqual(40);
  });

  test.each(files)("$file", async ({ path }) => {
    const expected = expectedOf(path, "warn");
    expect(expected.length).toBeGreaterThan(0);
    const result = await loadConfig(path, env);
    expect(result.kind, result.kind === "bad" ? result.problems.map(formatProblem).join("\n") : "").toBe("ok");
    if (result.kind === "ok") expectProblems(result.warnings, expected);
  });
});

describe("good configurations", () => {
  const example = fileURLToPath(new URL("../../docs/examples/popgate.example.toml", import.meta.url));

  test.each([...folder("config-good"), { file: "popgate.example.toml", path: example }])("$file", async ({ path }) => {
    const result = await loadConfig(path, env);
    expect(result.kind, result.kind === "bad" ? result.problems.map(formatProblem).join("\n") : "").toBe("ok");
    if (result.kind === "ok") expect(result.warnings.map(formatProblem)).toEqual([]);
  });
});
