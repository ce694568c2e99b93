/**
 * The packages that popgate runs with, and the Node it runs on, as npm installs them from the lock file, without running
 * any of their scripts. What was installed once for a lock file is kept in `cache` and used again.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

/** Debian's name for the architecture, by Node's. */
const architectures: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

export interface Modules {
  /** node_modules of production. */
  readonly packages: string;
  /** The folder of the package that holds Node's program and licence. */
  readonly node: string;
}

export function debianArchitecture(): string {
  const name = architectures[process.arch];
  if (process.platform !== "linux" || name === undefined)
    throw new Error(`deb: there is no package for ${process.platform} on ${process.arch}`);
  return name;
}

export function installModules(root: string, cache: string): Modules {
  const lock = readFileSync(path.join(root, "package-lock.json"), "utf8");
  const manifest = readFileSync(path.join(root, "package.json"), "utf8");
  const node = `node-linux-${process.arch}`;
  const version = nodeVersion(lock);
  const key = createHash("sha256").update(lock).update(node).digest("hex").slice(0, 16);
  const kept = path.join(cache, `modules-${key}`);
  if (!existsSync(kept)) {
    const fresh = `${kept}.${process.pid}`;
    try {
      for (const [name, text] of [
        ["package.json", manifest],
        ["package-lock.json", lock],
      ] as const)
        put(path.join(fresh, "production", name), text);
      npm(path.join(fresh, "production"), "--omit=dev");
      put(path.join(fresh, "runtime", "package.json"), '{ "private": true }\n');
      npm(path.join(fresh, "runtime"), `${node}@${version}`);
      renameSync(fresh, kept);
    } finally {
      rmSync(fresh, { recursive: true, force: true });
    }
  }
  return {
    packages: path.join(kept, "production", "node_modules"),
    node: path.join(kept, "runtime", "node_modules", node),
  };
}

function put(file: string, text: string): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
}

function npm(cwd: string, ...args: readonly string[]): void {
  const options = ["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"];
  execFileSync("npm", [...options, ...args], { cwd, stdio: ["ignore", "ignore", "inherit"], timeout: 120_000 });
}

function nodeVersion(lock: string): string {
  const version = /"node_modules\/node": \{\s*"version": "([^"]+)"/u.exec(lock)?.[1];
  if (version === undefined) throw new Error("deb: package-lock.json does not name the version of node");
  return version;
}

/** No other platform's programs, nothing that only compilers, editors and people read; licences stay. */
export function isRunTimeFile(name: string): boolean {
  const base = path.basename(name);
  if (/^(?:licen[cs]e|notice|copying)/iu.test(base)) return true;
  if (name.startsWith(".") || base.startsWith(".")) return false;
  if (/\.(?:[cm]?ts|map|md|markdown|html|sh|c|h|cc|cpp|gyp|yml|tgz|flow)$/iu.test(base)) return false;
  if (base.endsWith(".node")) return base === "node.napi.glibc.node";
  const [owner = "", second = "", third = ""] = name.split("/");
  const folder = owner.startsWith("@") ? third : second;
  return !/^(?:\..*|tests?|benchmarks?|bench|examples?|dependencies|docs?)$/iu.test(folder);
}
