import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { javaScriptOf } from "../../scripts/build.ts";

describe("what is made of a source", () => {
  it("has each thing at the place where the source has it", () => {
    const source = [
      'import type { A } from "./a.ts";',
      'import { type B, b } from "../b.ts";',
      'export { c } from "./c.ts";',
      'export * from "./d.ts";',
      'import { readFileSync } from "node:fs";',
      'const text: string = \'import x from "./not-an-import.ts"\'; // "./comment.ts"',
      "export const e = async (): Promise<unknown> => import('./e.ts');",
      "export const f = b(text, readFileSync) satisfies B;",
      "",
    ].join("\n");
    const made = javaScriptOf("x.ts", source);
    expect(made.split("\n").map((line) => line.trimEnd())).toEqual([
      "",
      'import {         b } from "../b.js";',
      'export { c } from "./c.js";',
      'export * from "./d.js";',
      'import { readFileSync } from "node:fs";',
      'const text         = \'import x from "./not-an-import.ts"\'; // "./comment.ts"',
      "export const e = async ()                   => import('./e.js');",
      "export const f = b(text, readFileSync)            ;",
      "",
    ]);
    expect(made).toHaveLength(source.length);
  });

  it("refuses what cannot be taken out by blanks, and an import that nothing would be found for", () => {
    expect(() => javaScriptOf("x.ts", "enum A { b }")).toThrow(/enum/u);
    expect(() => javaScriptOf("x.ts", 'import "./data.json";')).toThrow("x.ts: an import that is no TypeScript file");
    expect(() => javaScriptOf("x.ts", 'export const x = import("./data.json");')).toThrow(/no TypeScript file/u);
  });

  it("keeps the length of a whole source, multi-byte letters included", () => {
    const source = readFileSync(path.join(import.meta.dirname, "../../src/notice/german-words.ts"), "utf8");
    expect(source).toMatch(/ü/u);
    const made = javaScriptOf("german-words.ts", source);
    expect(made.split("\n").map(({ length }) => length)).toEqual(source.split("\n").map(({ length }) => length));
    expect(made).not.toMatch(/from ".*\.ts"/u);
  });
});

describe("several builds at once", () => {
  it("all come through, leave the files of one of them, and nothing beside", async () => {
    const root = mkdtempSync(path.join(tmpdir(), "popgate-build-"));
    try {
      mkdirSync(path.join(root, "src/core"), { recursive: true });
      const names = ["main.ts", ...Array.from({ length: 30 }, (_, index) => `core/part-${index}.ts`)];
      for (const name of names) writeFileSync(path.join(root, "src", name), "export const a: number = 1;\n");
      const module = JSON.stringify(new URL("../../scripts/build.ts", import.meta.url).href);
      const script = `import { build } from ${module};
for (let turn = 0; turn < 40; turn++) build(${JSON.stringify(root)});`;
      const run = async () => promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script]);
      await Promise.all([run(), run(), run()]);
      expect(readdirSync(root).toSorted()).toEqual(["dist", "src"]);
      const made = readdirSync(path.join(root, "dist"), { recursive: true, withFileTypes: true });
      expect(made.filter((entry) => entry.isFile())).toHaveLength(names.length + 2);
    } finally {
      rmSync(root, { recursive: true });
    }
  });
});

describe("the command that is installed", () => {
  it.each(["popgate.cjs"])("%s is written for a Node of any age", (name) => {
    const text = readFileSync(path.join(import.meta.dirname, "../../scripts/build", name), "utf8");
    const code = text.replaceAll(/\/\*.*?\*\//gsu, "");
    expect(code).not.toMatch(/=>|`|\bconst\b|\blet\b|\bimport\b|\?\?|\?\.|,\s*\)|\basync\b|\bclass\b/u);
  });
});
