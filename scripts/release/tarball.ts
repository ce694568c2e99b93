/**
 * The tarball of a release: what `npm pack` packs, with the packages of the lock file inside, so that it installs the very
 * versions that the specs ran with, without a registry. npm does not look into a lock file in a package.
 *
 * lmdb stays outside: its program is another one for each platform, and npm fetches the right one only for a package that
 * it installs itself. lmdb's own version is exact; of what lmdb needs npm takes the newest that lmdb allows.
 */
import { execFileSync } from "node:child_process";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

const outside = "lmdb";
const forDevelopers = new Set(["devDependencies", "scripts", "overrides", "allowScripts"]);

/** package.json as it stands in the tarball. */
export function releasedManifest(manifest: string, lock: string): string {
  const source = fields(JSON.parse(manifest));
  const dependencies = fields(source["dependencies"]);
  const locked = fields(fields(fields(JSON.parse(lock))["packages"])[`node_modules/${outside}`])["version"];
  if (typeof locked !== "string") throw new Error(`package-lock.json does not name the version of ${outside}`);
  const kept = Object.entries(source).filter(([key]) => !forDevelopers.has(key));
  const bundled = Object.keys(dependencies).filter((name) => name !== outside);
  const released = {
    ...Object.fromEntries(kept),
    files: [...asList(source["files"]), "THIRD-PARTY-NOTICES"],
    dependencies: { ...dependencies, [outside]: locked },
    bundleDependencies: bundled,
  };
  return `${JSON.stringify(released, undefined, 2)}\n`;
}

/** Packs a checkout whose dist/ and web/dist are built; changes its package.json and node_modules. */
export function packBundled(checkout: string, packages: string, notices: string, out: string): void {
  const read = (name: string): string => readFileSync(path.join(checkout, name), "utf8");
  writeFileSync(path.join(checkout, "package.json"), releasedManifest(read("package.json"), read("package-lock.json")));
  writeFileSync(path.join(checkout, "THIRD-PARTY-NOTICES"), notices);
  cpSync(packages, path.join(checkout, "node_modules"), { recursive: true });
  execFileSync("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", out], {
    cwd: checkout,
    stdio: ["ignore", "ignore", "inherit"],
    timeout: 300_000,
  });
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function fields(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}
