/** What must not stand in the sources of the page, so that no text of strangers can ever become markup or script. */
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";

const root = path.join(import.meta.dirname, "..", "..", "web");
const files = globSync("**/*.{ts,html,css}", { cwd: root, exclude: ["dist/**"] }).toSorted();
const textOf = (file: string): string => readFileSync(path.join(root, file), "utf8");

test("there are sources to look at", () => {
  expect(files).toContain("main.ts");
  expect(files).toContain("index.html");
});

test.each([
  [
    "markup from text",
    /innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser|setHTML/u,
  ],
  ["script from text", /\beval\b|new Function|setTimeout\(\s*["'`]|javascript:/u],
  ["style in markup", /style=|setAttribute\(\s*["'`]style|cssText/u],
  ["anything from elsewhere", /https?:\/\/(?!www\.w3\.org\/2000\/svg)|@import|url\(/u],
])("no %s", (_what, pattern) => {
  expect(files.filter((file) => pattern.test(textOf(file)))).toEqual([]);
});

test("the document holds no script or style of its own", () => {
  const html = textOf("index.html");
  expect(html).not.toMatch(/<style|\son[a-z]+=/u);
  expect([...html.matchAll(/<script[^>]*>([^<]*)</gu)].map(([, inside]) => inside)).toEqual([""]);
});

test("of the program only types are imported: none of it, and no package, is in the bundle", () => {
  const modules = files.filter((file) => file.endsWith(".ts") && file !== "vite.config.ts");
  const imports = modules.flatMap((file) =>
    [...textOf(file).matchAll(/^(?:import|export)\b[^;]*?from "([^"]+)";/gmu)].map(([statement, target = ""]) => ({
      file,
      statement,
      isOwn: target.startsWith(".") && !target.includes("/src/"),
    })),
  );
  expect(imports.length).toBeGreaterThan(modules.length);
  expect(imports.filter(({ isOwn, statement }) => !isOwn && !/^(?:import|export) type /u.test(statement))).toEqual([]);
});
