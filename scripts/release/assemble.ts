/**
 * Makes the files of a release from a commit, in a fresh checkout of it below a temporary folder: tarball, Debian package,
 * bill of materials, notices and their digests. The same commit gives the same octets on machines with the same Node, npm
 * and dpkg: modes come from a fixed umask, times from the commit. Leaves nothing behind but `out`.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { installModules } from "../deb/modules.ts";
import { settledBill } from "./bill-of-materials.ts";
import { noticesFor } from "./licences.ts";
import { packBundled } from "./tarball.ts";

/** The names of what is made, in `out`, which must not be there. */
export function assemble(root: string, commit: string, out: string): readonly string[] {
  const before = process.umask(0o022);
  const work = mkdtempSync(path.join(tmpdir(), "popgate-release-"));
  const checkout = path.join(work, "popgate");
  const run = (command: string, ...args: readonly string[]): string =>
    execFileSync(command, args, {
      cwd: checkout,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
      timeout: 900_000,
    });
  try {
    execFileSync("git", ["clone", "--quiet", "--shared", "--no-checkout", root, checkout], { stdio: "inherit" });
    run("git", "checkout", "--quiet", "--detach", commit);
    const time = Number(run("git", "log", "-1", "--format=%ct"));
    const id = run("git", "rev-parse", "HEAD").trim();
    mkdirSync(out, { recursive: true });

    // The tools of the checkout that this is run from; its lock file is the same, or the versions would not agree.
    const tools = path.join(checkout, "node_modules");
    symlinkSync(path.join(root, "node_modules"), tools);
    run("npm", "run", "--silent", "build");
    run(process.execPath, "scripts/deb.ts", "--out", out);

    const bill = run("npm", "sbom", "--package-lock-only", "--omit=dev", "--sbom-format", "cyclonedx");
    const lock: unknown = JSON.parse(readFileSync(path.join(checkout, "package-lock.json"), "utf8"));
    const version = String(typeof lock === "object" && lock !== null ? Reflect.get(lock, "version") : "");
    writeFileSync(path.join(out, `popgate-${version}.cdx.json`), settledBill(bill, { id, time }));

    unlinkSync(tools);
    const { packages } = installModules(checkout, path.join(checkout, "artefacts", "deb"));
    const notices = noticesFor(path.dirname(packages), lock);
    writeFileSync(path.join(out, "THIRD-PARTY-NOTICES"), notices);
    packBundled(checkout, packages, notices, out);
    return sums(out);
  } finally {
    process.umask(before);
    rmSync(work, { recursive: true, force: true });
  }
}

/** Writes SHA256SUMS, as `sha256sum --check` reads it. */
function sums(out: string): readonly string[] {
  const names = readdirSync(out).toSorted();
  const lines = names.map((name) => {
    const digest = createHash("sha256")
      .update(readFileSync(path.join(out, name)))
      .digest("hex");
    return `${digest}  ${name}\n`;
  });
  writeFileSync(path.join(out, "SHA256SUMS"), lines.join(""));
  return [...names, "SHA256SUMS"];
}
