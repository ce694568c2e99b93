/** The page on the doctor says what the doctor says: each finding in its table stands in the program, word for word. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { document, root, rows } from "./document.ts";

const folder = path.join(root, "src/doctor");
/** The program's texts, with whatever is put into them left out. */
const source = readdirSync(folder)
  .map((file) => readFileSync(path.join(folder, file), "utf8"))
  .join("\n");

const table = rows(document("docs/doctor.md")).filter(({ length }) => length === 4);
const findings = table.flatMap(([, what = ""]) => [...what.matchAll(/`([^`]+)`/gu)].map(([, words = ""]) => words));

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
const told = [...source.matchAll(/notes\.(error|warn)\(\s*(?:`([^`]+)`|"([^"]+)")/gu)].map(
  ([, severity = "", template, plain]) => ({
    severity,
    text: (template ?? plain ?? "").replaceAll(/\$\{[^}]*\}/gu, "…"),
  }),
);

test.each(told.filter(({ text }) => /\p{L}/u.test(text)))("is in the table: $severity $text", ({ severity, text }) => {
  const found = table.filter(([, what = ""]) =>
    [...what.matchAll(/`([^`]+)`/gu)].some(([, words = ""]) =>
      words.split("…").every((part) => text.includes(part.trim())),
    ),
  );
  expect(found.map(([, , given]) => given).join("; ")).toContain(severity === "warn" ? "warning" : severity);
});
