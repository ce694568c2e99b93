/**
 * The licences of what is shipped beside popgate's own files: the packages below node_modules, each with its text, and
 * Node with the libraries in it. Throws for a package that says no licence and has no text of one.
 */
import { existsSync, globSync, readFileSync } from "node:fs";
import path from "node:path";

export function thirdPartyNotices(packages: string, node: string): string {
  const folders = globSync(["*/package.json", "@*/*/package.json"], { cwd: packages })
    .map((file) => path.dirname(file))
    .toSorted();
  const parts = folders.map((folder) => noticeOf(path.join(packages, folder)));
  const runtime = readFileSync(path.join(node, "LICENSE"), "utf8");
  return [...parts, `Node.js, /usr/lib/popgate/bin/node\n\n${runtime}`]
    .map((part) => part.trimEnd())
    .join(`\n\n${line}\n\n`);
}

const line = "-".repeat(78);

function noticeOf(folder: string): string {
  const manifest: unknown = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"));
  const said = (key: string): string => {
    const value: unknown = typeof manifest === "object" && manifest !== null ? Reflect.get(manifest, key) : undefined;
    return typeof value === "string" ? value : "";
  };
  const name = `${said("name")} ${said("version")}`;
  const texts = globSync("{LICEN[CS]E,licen[cs]e,LICEN[CS]E.*,licen[cs]e.*,NOTICE,NOTICE.*}", {
    cwd: folder,
  }).toSorted();
  if (said("license") === "" && texts.length === 0) throw new Error(`deb: ${name} says no licence`);
  const text = texts
    .filter((file) => existsSync(path.join(folder, file)))
    .map((file) => readFileSync(path.join(folder, file), "utf8").trim());
  return [`${name}, licence: ${said("license")}`, ...text].join("\n\n");
}
