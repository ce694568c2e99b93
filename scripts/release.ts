/**
 * `make release`: the files of a release, from a clean checkout, into artefacts/release/<version>. docs/releasing.md says
 * what to do before and after.
 *
 * Refuses, with all reasons, a tree that is not clean and versions that do not agree. Then all checks and specs run, what
 * the registry knows of weaknesses is asked for, and everything is made twice: both must have the same octets.
 * `--again` makes the files of the present commit once more without checks and specs, to compare them with published ones.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { assemble } from "./release/assemble.ts";
import { versionToRelease } from "./release/versions.ts";

const root = path.join(import.meta.dirname, "..");
const { values } = parseArgs({ options: { again: { type: "boolean", default: false } } });

process.exitCode = release();

function release(): number {
  const read = (name: string): string => readFileSync(path.join(root, name), "utf8");
  const { version, problems } = versionToRelease({
    manifest: JSON.parse(read("package.json")),
    lock: JSON.parse(read("package-lock.json")),
    changelog: read("CHANGELOG.md"),
  });
  const changed = execFileSync("git", ["status", "--porcelain"], { cwd: root, encoding: "utf8" }).trimEnd();
  const out = path.join(root, "artefacts", "release", version);
  const reasons = [
    ...problems,
    ...(changed === "" ? [] : [`the tree is not clean; commit or remove:\n${changed}`]),
    ...(existsSync(out) ? [`${path.relative(root, out)} is there already; remove it first`] : []),
  ];
  if (reasons.length > 0) {
    process.stderr.write(`release: not made.\n${reasons.join("\n")}\n`);
    return 1;
  }
  if (!values.again) {
    npm("run", "--silent", "check");
    npm("test");
    audit();
  }
  const made = [`${out}.first`, `${out}.second`] as const;
  for (const each of made) rmSync(each, { recursive: true, force: true });
  for (const each of made) assemble(root, "HEAD", each);
  const [first, second] = made.map((each) => readFileSync(path.join(each, "SHA256SUMS"), "utf8"));
  if (first !== second) {
    process.stderr.write(`release: not made: two runs gave different octets; both are kept\n${first}\n${second}`);
    return 1;
  }
  renameSync(made[0], out);
  rmSync(made[1], { recursive: true });
  process.stdout.write(`${path.relative(root, out)}: made twice, the same octets\n${first}`);
  return 0;
}

/** Known weaknesses end it; a registry that does not answer is said, and left to who makes the release. */
function audit(): void {
  const { status, stdout, stderr } = spawnSync("npm", ["audit", "--omit=dev"], { cwd: root, encoding: "utf8" });
  if (status === 0) return;
  if (/audit endpoint returned an error|ENOTFOUND|ECONNREFUSED|ETIMEDOUT/u.test(stderr))
    process.stderr.write(
      "release: the registry gives no audit here; run npm audit --omit=dev where it does, before publishing\n",
    );
  else throw new Error(`npm audit --omit=dev:\n${stdout}${stderr}`);
}

function npm(...args: readonly string[]): void {
  execFileSync("npm", args, { cwd: root, stdio: "inherit" });
}
