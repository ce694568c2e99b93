/**
 * Makes dist/ from src/: what runs when popgate is installed below node_modules, where Node takes no types out of files.
 *
 * Each file becomes what Node itself makes of it when it runs from a checkout, and nothing else: types are replaced by
 * blanks, and `.ts` by `.js` where another file is imported. So every line and column of a stack trace in dist/ is that of
 * the source, without source maps, and what the specs ran is what is shipped. The folders are those of src/, so that
 * whatever is found relative to a file (package.json, web/dist) is found in both places.
 *
 * Fails with the file's name where something could not be taken out or an import leads nowhere; dist/ is then left as it was.
 * Several builds at once do not disturb each other: dist/ is that of the last one, whole.
 */
import { chmodSync, copyFileSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import path from "node:path";
import { parseSync } from "oxc-parser";

/** What is started first, in JavaScript that an old Node can read. */
const starters = ["popgate.cjs", "start.cjs"] as const;

/** The JavaScript of one file. `name` is its path below src. */
export function javaScriptOf(name: string, source: string): string {
  const text = stripTypeScriptTypes(source, { mode: "strip" });
  const { module, errors } = parseSync(name.replace(/\.ts$/u, ".js"), text);
  if (errors[0] !== undefined) throw new Error(`${name}: ${errors[0].message}`);
  const requests = [
    ...module.staticImports.map(({ moduleRequest }) => moduleRequest),
    ...module.staticExports.flatMap(({ entries }) => entries.flatMap(({ moduleRequest }) => moduleRequest ?? [])),
    ...module.dynamicImports.map(({ moduleRequest }) => moduleRequest),
  ];
  let result = text;
  for (const { start, end } of requests) {
    const request = text.slice(start, end);
    if (!/^["']\.{1,2}\//u.test(request)) continue;
    if (!/\.ts["']$/u.test(request)) throw new Error(`${name}: an import that is no TypeScript file: ${request}`);
    // As long as before, so that every position still holds.
    result = `${result.slice(0, start)}${request.replace(/\.ts(["'])$/u, ".js$1")}${result.slice(end)}`;
  }
  return result;
}

/** Builds `root`/dist anew. */
export function build(root: string): number {
  const sources = path.join(root, "src");
  const files = globSync("**/*.ts", { cwd: sources }).toSorted();
  const made = new Map(files.map((file) => [file, javaScriptOf(file, readFileSync(path.join(sources, file), "utf8"))]));
  if (!made.has("main.ts")) throw new Error(`no main.ts in ${sources}`);
  const dist = path.join(root, "dist");
  // Beside the old one first: a file that cannot be written must not leave half of them.
  const fresh = path.join(root, `dist.${process.pid}`);
  try {
    for (const [file, text] of made) {
      const target = path.join(fresh, file.replace(/\.ts$/u, ".js"));
      mkdirSync(path.dirname(target), { recursive: true, mode: 0o755 });
      writeFileSync(target, text, { mode: 0o644 });
    }
    for (const name of starters) {
      copyFileSync(path.join(import.meta.dirname, "build", name), path.join(fresh, name));
      chmodSync(path.join(fresh, name), 0o755);
    }
    putInPlace(fresh, dist);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return made.size;
}

/** A folder cannot be renamed to one that has files: that one is moved aside, again if another build was quicker. */
function putInPlace(fresh: string, dist: string): void {
  const old = `${fresh}.old`;
  try {
    for (let triesLeft = 1000; ; triesLeft--) {
      if (renamed(dist, old, "ENOENT")) rmSync(old, { recursive: true });
      if (renamed(fresh, dist, "ENOTEMPTY", "EEXIST")) return;
      if (triesLeft === 0) throw new Error(`${dist}: other builds put theirs there again and again`);
    }
  } finally {
    rmSync(old, { recursive: true, force: true });
  }
}

/** `false` when it failed in one of these ways. */
function renamed(from: string, to: string, ...expected: readonly string[]): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && expected.some((code) => code === error.code)) return false;
    throw error;
  }
}

if (import.meta.main) {
  const count = build(path.join(import.meta.dirname, ".."));
  process.stdout.write(`dist: ${count} files\n`);
}
