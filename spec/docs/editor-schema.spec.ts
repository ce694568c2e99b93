/**
 * The JSON schema of the configuration in an editor: Taplo, which serves TOML in Visual Studio Code and others, reads it,
 * takes each configuration that a document shows, and underlines what is not one.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { TemporaryDirectory } from "../spool/support.ts";
import { blocks, completed, document, root } from "./document.ts";

const taplo = path.join(root, "node_modules/@taplo/cli/dist/cli.js");
const schema = pathToFileURL(path.join(root, "docs/popgate.schema.json")).href;

const markdown = readdirSync(path.join(root, "docs"))
  .filter((file) => file.endsWith(".md"))
  .map((file) => `docs/${file}`);
const examples = readdirSync(path.join(root, "docs/examples")).map((file) => `docs/examples/${file}`);

/** What is underlined, and with which words. */
const wrong: Readonly<Record<string, { readonly snippet: string; readonly words: string }>> = {
  "wrong-key": { snippet: '[exchange]\nhost = "e.firma.example"\nprot = 25\n', words: "'prot' was unexpected" },
  "wrong-kind": { snippet: '[exchange]\nhost = "e.firma.example"\nport = "25"\n', words: 'is not of type "integer"' },
  "wrong-word": { snippet: '[exchange]\nhost = "e.firma.example"\ntls = "maybe"\n', words: '"maybe" is not one of' },
};

// All in one run: Taplo needs seconds to start.
test("each configuration of the documents is one to the editor, and what is none is underlined", async () => {
  using folder = new TemporaryDirectory();
  const snippets = [
    ...["README.md", ...markdown].flatMap((name) => blocks(document(name), "toml")),
    ...examples.map(document),
  ];
  expect(snippets.length).toBeGreaterThan(20);
  const files = [
    ...snippets.map((snippet, number) => [`right-${number}`, snippet] as const),
    ...Object.entries(wrong).map(([name, { snippet }]) => [name, snippet] as const),
  ];
  for (const [name, snippet] of files)
    writeFileSync(path.join(folder.path, `${name}.toml`), await completed(snippet, folder.path));
  const options = ["--no-auto-config", "--colors", "never", "--schema", schema];
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [taplo, "check", ...options, path.join(folder.path, "*.toml")],
    { cwd: folder.path, encoding: "utf8", timeout: 60_000 },
  );
  const text = stdout + stderr;
  expect(text).toContain(`found files total=${files.length}`);
  const refused = [...text.matchAll(/invalid file error=(.*?) path="[^"]*?([^"/]+)\.toml"/gu)];
  expect(new Map(refused.map(([, error, name]) => [name, error]))).toEqual(
    new Map(Object.keys(wrong).map((name) => [name, "schema validation failed"])),
  );
  for (const { words } of Object.values(wrong)) expect(text).toContain(words);
});
