/** What must agree before a release is made: package.json, the lock file and the changelog. Pure. */

type Fields = Readonly<Record<string, unknown>>;

/** As Semantic Versioning 2.0.0 has it, without build metadata: nothing is released twice under one number. */
const semantic =
  /^(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-(?:0|[1-9]\d*|\d*[a-z-][\da-z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-z-][\da-z-]*))*)?$/iu;

export interface Versions {
  readonly manifest: unknown;
  readonly lock: unknown;
  readonly changelog: string;
}

/** The version, if nothing is wrong. */
export function versionToRelease({ manifest, lock, changelog }: Versions): {
  readonly version: string;
  readonly problems: readonly string[];
} {
  const version = text(fields(manifest)["version"]);
  const problems: string[] = [];
  if (!semantic.test(version)) problems.push(`package.json: ${JSON.stringify(version)} is no semantic version`);
  const root = fields(fields(fields(lock)["packages"])[""]);
  for (const [where, locked] of [
    ["version", fields(lock)["version"]],
    ["packages[''].version", root["version"]],
  ] as const)
    if (locked !== version)
      problems.push(
        `package-lock.json: ${where} is ${text(locked)}, package.json has ${version}: npm install --package-lock-only`,
      );
  const wanted = fields(fields(manifest)["dependencies"]);
  const locked = fields(root["dependencies"]);
  for (const name of new Set([...Object.keys(wanted), ...Object.keys(locked)]))
    if (wanted[name] !== locked[name])
      problems.push(`package-lock.json: ${name} is ${text(locked[name])}, package.json has ${text(wanted[name])}`);
  problems.push(...changelogProblems(version, changelog));
  return { version, problems };
}

function changelogProblems(version: string, changelog: string): readonly string[] {
  const heads = [...changelog.matchAll(/^## \[([^\]]+)\](?: - (\S+))?$/gmu)];
  const at = heads.findIndex(([, name]) => name === version);
  const [head, , date = ""] = heads[at] ?? [];
  if (head === undefined) return [`CHANGELOG.md: no section "## [${version}] - YYYY-MM-DD"`];
  const problems: string[] = [];
  if (Number.isNaN(Date.parse(date)) || !/^\d{4}-\d\d-\d\d$/u.test(date))
    problems.push(`CHANGELOG.md: the section of ${version} has no date`);
  const newest = heads.find(([, name]) => name !== "Unreleased")?.[1];
  if (newest !== version) problems.push(`CHANGELOG.md: ${version} is not the newest section, ${newest} is`);
  const from = changelog.indexOf(head) + head.length;
  const body = changelog.slice(from).split(/^## /mu)[0] ?? "";
  if (!/^- /mu.test(body)) problems.push(`CHANGELOG.md: the section of ${version} says nothing`);
  return problems;
}

function fields(value: unknown): Fields {
  return typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "missing";
}
