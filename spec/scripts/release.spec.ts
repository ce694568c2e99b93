/** What a release refuses, and what it makes of the lock file. That it is made twice alike, `make release` sees itself. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { settledBill } from "../../scripts/release/bill-of-materials.ts";
import { noticesFile, noticesOf } from "../../scripts/release/licences.ts";
import { releasedManifest } from "../../scripts/release/tarball.ts";
import { versionToRelease, type Versions } from "../../scripts/release/versions.ts";
import { TemporaryDirectory } from "../spool/support.ts";

const root = path.join(import.meta.dirname, "../..");
const read = (name: string): string => readFileSync(path.join(root, name), "utf8");

const good: Versions = {
  manifest: { version: "1.2.0", dependencies: { a: "^1.0.0" } },
  lock: { version: "1.2.0", packages: { "": { version: "1.2.0", dependencies: { a: "^1.0.0" } } } },
  changelog:
    "# Changelog\n\n## [Unreleased]\n\n## [1.2.0] - 2026-11-24\n\n### Added\n\n- x\n\n## [1.1.0] - 2026-10-01\n\n- y\n",
};

describe("versions", () => {
  it("that agree can be released", () => {
    expect(versionToRelease(good)).toEqual({ version: "1.2.0", problems: [] });
  });

  it.each<[string, Partial<Versions>, RegExp]>([
    [
      "no semantic version",
      { manifest: { ...(good.manifest as object), version: "1.2" } },
      /"1\.2" is no semantic version/u,
    ],
    ["a lock file of another version", { lock: { ...(good.lock as object), version: "1.1.0" } }, /version is 1\.1\.0/u],
    [
      "a lock file without a dependency",
      { lock: { version: "1.2.0", packages: { "": { version: "1.2.0" } } } },
      /: a is missing/u,
    ],
    ["no section", { changelog: "## [Unreleased]\n\n- x\n" }, /no section "## \[1\.2\.0\]/u],
    ["no date", { changelog: good.changelog.replace(" - 2026-11-24", "") }, /has no date/u],
    ["no day of the calendar", { changelog: good.changelog.replace("2026-11-24", "2026-13-24") }, /has no date/u],
    ["an empty section", { changelog: good.changelog.replace("- x\n", "") }, /says nothing/u],
    [
      "an old version",
      { changelog: good.changelog.replace("[Unreleased]", "[1.3.0] - 2026-12-01") },
      /not the newest section, 1\.3\.0/u,
    ],
  ])("with %s cannot", (_name, change, problem) => {
    const { problems } = versionToRelease({ ...good, ...change });
    expect(problems.join("\n")).toMatch(problem);
  });

  it("of this tree agree, but for the changelog's section, which a release gives it", () => {
    const { problems } = versionToRelease({
      manifest: JSON.parse(read("package.json")),
      lock: JSON.parse(read("package-lock.json")),
      changelog: read("CHANGELOG.md"),
    });
    expect(problems.filter((problem) => !problem.startsWith("CHANGELOG.md: no section"))).toEqual([]);
  });
});

it("refuses a tree that is not clean, with the names of what is in the way, and makes nothing", () => {
  using folder = new TemporaryDirectory();
  const checkout = path.join(folder.path, "popgate");
  mkdirSync(path.join(checkout, "scripts"), { recursive: true });
  execFileSync("cp", ["-r", "scripts/release.ts", "scripts/release", "scripts/deb", path.join(checkout, "scripts")], {
    cwd: root,
  });
  for (const name of ["package.json", "package-lock.json", "CHANGELOG.md"])
    writeFileSync(path.join(checkout, name), read(name));
  execFileSync("git", ["init", "--quiet"], { cwd: checkout });
  const { status, stderr, stdout } = spawnSync(process.execPath, ["scripts/release.ts"], {
    cwd: checkout,
    encoding: "utf8",
  });
  expect(stderr).toMatch(/^release: not made\.\n/u);
  expect(stderr).toMatch(/the tree is not clean; commit or remove:\n.*CHANGELOG\.md/su);
  expect(stdout).toBe("");
  expect(status).toBe(1);
});

describe("licences", () => {
  it("of all packages that popgate runs with are on the list, each with its text", () => {
    const { notices, problems } = noticesOf(root, JSON.parse(read("package-lock.json")));
    expect(problems).toEqual([]);
    const file = noticesFile(notices);
    for (const name of Object.keys((JSON.parse(read("package.json")) as { dependencies: object }).dependencies))
      expect(file).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(`, "mu"));
    expect(file).toMatch(/Permission is hereby granted/u);
  });

  it("that nobody has allowed, and packages without a text, are named", () => {
    using folder = new TemporaryDirectory();
    const lock = {
      packages: {
        "": {},
        "node_modules/x": { version: "1.0.0", license: "GPL-3.0-only" },
        "node_modules/y": { version: "2.0.0", license: "MIT" },
        "node_modules/@z/z": { version: "3.0.0" },
        "node_modules/d": { version: "1.0.0", license: "GPL-3.0-only", dev: true },
      },
    };
    for (const name of ["x", "@z/z"]) {
      mkdirSync(path.join(folder.path, "node_modules", name), { recursive: true });
      writeFileSync(path.join(folder.path, "node_modules", name, "LICENSE"), "text\n");
    }
    expect(noticesOf(folder.path, lock).problems).toEqual([
      "x 1.0.0: the licence GPL-3.0-only is not on the list",
      "y 2.0.0: no text of its licence in node_modules/y",
      "@z/z 3.0.0: the licence none is not on the list",
    ]);
    expect(noticesOf(folder.path, {}).problems).toEqual(["the lock file names no packages"]);
  });
});

describe("the bill of materials", () => {
  const written = (serial: string, name: string): string =>
    JSON.stringify({
      bomFormat: "CycloneDX",
      serialNumber: serial,
      metadata: { timestamp: "2026-01-01T00:00:00Z", component: { name, version: "1.2.0" } },
      components: [{ name: "a" }],
    });
  const commit = { id: "c".repeat(40), time: 1_795_000_000 };

  it("is the same whenever and wherever it is written for a commit", () => {
    const bill = settledBill(written("urn:uuid:1", "main"), commit);
    expect(settledBill(written("urn:uuid:2", "checkout"), commit)).toBe(bill);
    expect(settledBill(written("urn:uuid:1", "main"), { ...commit, id: "d".repeat(40) })).not.toBe(bill);
    expect(JSON.parse(bill)).toMatchObject({
      serialNumber: expect.stringMatching(
        /^urn:uuid:[\da-f]{8}-[\da-f]{4}-8[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/u,
      ) as unknown,
      metadata: { timestamp: "2026-11-18T11:06:40.000Z", component: { name: "popgate", version: "1.2.0" } },
      components: [{ name: "a" }],
    });
  });

  it("that names nothing is none", () => {
    expect(() => settledBill('{"bomFormat":"CycloneDX","components":[]}', commit)).toThrow(/no bill of materials/u);
  });
});

it("the tarball's package.json has all packages inside but lmdb, whose version is exact, and nothing for developers", () => {
  const released = JSON.parse(releasedManifest(read("package.json"), read("package-lock.json"))) as Record<
    string,
    unknown
  >;
  const dependencies = released["dependencies"] as Record<string, string>;
  expect(dependencies["lmdb"]).toMatch(/^\d+\.\d+\.\d+$/u);
  expect([...(released["bundleDependencies"] as string[]), "lmdb"].toSorted()).toEqual(
    Object.keys(dependencies).toSorted(),
  );
  for (const key of ["devDependencies", "scripts", "overrides"]) expect(released).not.toHaveProperty(key);
  expect(released["files"]).toContain("THIRD-PARTY-NOTICES");
});
