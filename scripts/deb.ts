/**
 * `make deb`: artefacts/popgate_<version>-1_<arch>.deb from dist/, web/dist, docs and the production packages of the lock
 * file, with the Node of the same lock file, since neither Debian 12 nor 13 has one new enough.
 *
 * The same commit gives the same octets: modes and times are set, the order is dpkg-deb's, and no path of the machine is
 * in it. `--version X` names another version and `--quick` packs without compression, both for trying an upgrade;
 * `--out DIR` puts it elsewhere. Fails where something that belongs in it has not been built.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, globSync, lstatSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { env } from "node:process";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { javaScriptOf } from "./build.ts";
import { debianArchitecture, installModules, isRunTimeFile } from "./deb/modules.ts";
import { packageName } from "./deb/package-name.ts";
import { Staging } from "./deb/staging.ts";
import { noticesFor } from "./release/licences.ts";

const root = path.join(import.meta.dirname, "..");
const parts = path.join(import.meta.dirname, "deb");
const home = "usr/lib/popgate";
const doc = "usr/share/doc/popgate";

const { values } = parseArgs({
  options: { version: { type: "string" }, out: { type: "string" }, quick: { type: "boolean", default: false } },
});
const out = path.resolve(values.out ?? path.join(root, "artefacts"));
const tree = path.join(root, "artefacts", "deb", `tree.${process.pid}`);
const manifest = readFileSync(path.join(root, "package.json"), "utf8");
const version = values.version ?? /"version": "([^"]+)"/u.exec(manifest)?.[1] ?? "";
const epoch =
  env["SOURCE_DATE_EPOCH"] ??
  execFileSync("git", ["log", "-1", "--format=%ct"], { cwd: root, encoding: "utf8" }).trim();
const control = readFileSync(path.join(parts, "control.in"), "utf8");
const maintainer = /^Maintainer: (.+)$/mu.exec(control)?.[1] ?? "";

rmSync(tree, { recursive: true, force: true });
try {
  const staging = new Staging(tree, Number(epoch));
  layProgram(staging);
  layDocuments(staging);
  layControl(staging);
  staging.seal();
  process.stdout.write(`${pack()}\n`);
} finally {
  rmSync(tree, { recursive: true, force: true });
}

function layProgram(staging: Staging): void {
  const { packages, node } = installModules(root, path.join(root, "artefacts", "deb"));
  for (const needed of ["dist/popgate.cjs", "web/dist/index.html"])
    if (!existsSync(path.join(root, needed))) throw new Error(`deb: ${needed} is missing: run npm run build`);
  staging.copy(path.join(node, "bin", "node"), `${home}/bin/node`, 0o755);
  staging.copyTree(path.join(root, "dist"), `${home}/dist`);
  staging.copyTree(path.join(root, "web/dist"), `${home}/web/dist`);
  staging.copyTree(packages, `${home}/node_modules`, isRunTimeFile);
  staging.write(`${home}/package.json`, manifest.replace(/("version": ")[^"]+/u, `$1${version}`));
  const withoutMail = readFileSync(path.join(parts, "without-mail.ts"), "utf8").replace("../../src/", "../dist/");
  staging.write(`${home}/packaging/without-mail.js`, javaScriptOf("packaging/without-mail.ts", withoutMail));
  staging.copy(path.join(parts, "popgate.sh"), "usr/bin/popgate", 0o755);
  staging.copy(path.join(parts, "popgate.service"), "lib/systemd/system/popgate.service");
  staging.copy(path.join(parts, "popgate.sysusers"), "usr/lib/sysusers.d/popgate.conf");
  staging.copy(path.join(parts, "lintian-overrides"), "usr/share/lintian/overrides/popgate");
  staging.write(`${doc}/THIRD-PARTY-NOTICES`, notices(packages, node));
  for (const [shell, file] of [
    ["bash", "bash-completion/completions/popgate"],
    ["zsh", "zsh/vendor-completions/_popgate"],
    ["fish", "fish/vendor_completions.d/popgate.fish"],
  ] as const)
    staging.write(`usr/share/${file}`, popgate("completion", shell));
}

/** Of the packages, and of Node with the libraries in it. */
function notices(packages: string, node: string): string {
  const lock: unknown = JSON.parse(readFileSync(path.join(root, "package-lock.json"), "utf8"));
  const runtime = {
    name: `Node.js, /${home}/bin/node,`,
    version: /"version": "([^"]+)"/u.exec(readFileSync(path.join(node, "package.json"), "utf8"))?.[1] ?? "",
    licence: "MIT, and those of the libraries in it",
    text: readFileSync(path.join(node, "LICENSE"), "utf8").trim(),
  };
  return noticesFor(path.dirname(packages), lock, [runtime]);
}

function popgate(...args: readonly string[]): string {
  return execFileSync(process.execPath, [path.join(root, "dist/popgate.cjs"), ...args], { encoding: "utf8" });
}

function layDocuments(staging: Staging): void {
  staging.copyTree(path.join(root, "docs"), `${doc}/docs`, (name) => !name.startsWith("man/"));
  staging.copyTree(path.join(root, "docs/examples"), `${doc}/examples`);
  staging.copy(path.join(root, "README.md"), `${doc}/README.md`);
  staging.write(`${doc}/changelog.gz`, gzipped(readFileSync(path.join(root, "CHANGELOG.md"), "utf8")));
  const date = new Date(Number(epoch) * 1000).toUTCString().replace("GMT", "+0000");
  const entry = `popgate (${version}-1) stable; urgency=medium\n\n  * What has changed is in changelog.gz.\n\n -- ${maintainer}  ${date}\n`;
  staging.write(`${doc}/changelog.Debian.gz`, gzipped(entry));
  staging.write(`${doc}/copyright`, copyright());
  for (const page of globSync("*.[1-8]", { cwd: path.join(root, "docs/man") }).toSorted()) {
    const text = readFileSync(path.join(root, "docs/man", page), "utf8");
    staging.write(`usr/share/man/man${page.slice(-1)}/${page}.gz`, gzipped(text));
  }
}

function copyright(): string {
  const licence = readFileSync(path.join(root, "LICENSE"), "utf8");
  return `${licence.trimEnd()}

The packages below /usr/lib/popgate/node_modules and the program
/usr/lib/popgate/bin/node have licences of their own: all of them are in
/usr/share/doc/popgate/THIRD-PARTY-NOTICES.
`;
}

function gzipped(text: string): Buffer {
  const packed = gzipSync(text, { level: 9 });
  // The system that packed it, which Node writes as its own: unknown (RFC 1952 §2.3.1).
  packed[9] = 255;
  return packed;
}

function layControl(staging: Staging): void {
  const files = staging.files();
  const sizes = files.map((file) => Math.ceil(lstatSync(path.join(tree, file)).size / 1024));
  const fields: Readonly<Record<string, string>> = {
    VERSION: `${version}-1`,
    ARCHITECTURE: debianArchitecture(),
    SIZE: String(sizes.reduce((sum, size) => sum + size, 0)),
  };
  const sums = files.map((file) => {
    const digest = createHash("md5")
      .update(readFileSync(path.join(tree, file)))
      .digest("hex");
    return `${digest}  ${file}\n`;
  });
  staging.write(
    "DEBIAN/control",
    control.replace(/@([A-Z]+)@/gu, (whole, name: string) => fields[name] ?? whole),
  );
  staging.write("DEBIAN/md5sums", sums.join(""));
  for (const script of ["postinst", "prerm", "postrm"])
    staging.copy(path.join(parts, script), `DEBIAN/${script}`, 0o755);
}

function pack(): string {
  const file = path.join(out, packageName(version, debianArchitecture()));
  mkdirSync(out, { recursive: true });
  // The lowest level takes seconds and is a tenth larger than the highest. Several threads make other octets than one.
  const packing = values.quick ? ["-Znone"] : ["-Zxz", "-z0", "--threads-max=1"];
  execFileSync("dpkg-deb", ["--root-owner-group", ...packing, "--build", tree, file], {
    env: { ...env, SOURCE_DATE_EPOCH: epoch },
    stdio: ["ignore", "ignore", "inherit"],
  });
  return file;
}
