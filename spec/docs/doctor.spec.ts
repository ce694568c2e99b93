/**
 * The page on the doctor says what the doctor says: each finding in its table stands in the program, word for word, and
 * under the id that the program gives it; no id is missing.
 */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { findingIds } from "../../src/doctor/finding-ids.ts";
import { document, root, rows } from "./document.ts";

const folder = path.join(root, "src/doctor");
/** The program's texts, with whatever is put into them left out. */
const source = readdirSync(folder)
  .map((file) => readFileSync(path.join(folder, file), "utf8"))
  .join("\n");

const page = rows(document("docs/doctor.md"));
const table = page.filter(({ length }) => length === 5);
const quoted = (text: string): string[] => [...text.matchAll(/`([^`]+)`/gu)].map(([, words = ""]) => words);
const findings = table.flatMap(([, , what = ""]) => quoted(what));

test("every id has its place on the page, and none is there that the program does not know", () => {
  const ids = page.filter(({ length }) => length >= 4).flatMap(([, id = ""]) => quoted(id));
  expect(ids.toSorted()).toEqual([...findingIds]);
});

test("every id is given to something", () => {
  const files = ["src/cli/doctor.ts", "src/cli/probe.ts"].map((file) => readFileSync(path.join(root, file), "utf8"));
  const program = source.replaceAll(/^ {2}"[a-z0-9-]+",$/gmu, "") + files.join("\n");
  for (const id of findingIds) expect(program, id).toMatch(new RegExp(`(?:notes\\.\\w+\\(\\s*|id: )"${id}"`, "u"));
});

test("there are findings to look for", () => {
  expect(findings.length).toBeGreaterThan(50);
});

describe("is said by the doctor", () => {
  test.each(findings)("%s", (words) => {
    const parts = words.split("…").map((part) => part.trim());
    for (const part of parts.filter((each) => each !== "")) expect(source).toContain(part);
  });
});

/** Texts of errors and warnings that are told by a call with a literal as its first argument. */
const told = [...source.matchAll(/notes\.(error|warn)\(\s*"([^"]+)",\s*(?:`([^`]+)`|"([^"]+)")/gu)].map(
  ([, severity = "", id = "", template, plain]) => ({
    severity,
    id,
    text: (template ?? plain ?? "").replaceAll(/\$\{[^}]*\}/gu, "…"),
  }),
);

const worded = told.filter(({ text }) => /\p{L}/u.test(text));

test.each(worded)("is in the table: $id $severity $text", ({ severity, id, text }) => {
  const found = table.filter(
    ([, ids = "", what = ""]) =>
      quoted(ids).includes(id) &&
      quoted(what).some((words) => words.split("…").every((part) => text.includes(part.trim()))),
  );
  expect(found.map(([, , , given]) => given).join("; ")).toContain(severity === "warn" ? "warning" : severity);
});
