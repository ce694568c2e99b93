/**
 * The licences of the packages that popgate runs with, for the release's own file, its tarball and the Debian package. Gives
 * their texts as one file, and fails for a licence that is not on the list, or for a package without a text that nobody has
 * looked at. Packages within packages count like all others: the lock file names each with its place.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";

/** Permissive ones, whose texts go along with every copy. Another one is a decision of a person, written down here. */
const allowed = new Set(["0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BlueOak-1.0.0", "ISC", "MIT", "MIT-0"]);

/**
 * Packages without a text of their own: where it is, or what they say instead. The platforms' programs of lmdb and
 * msgpackr-extract are built from those packages.
 */
const withoutText: readonly (readonly [RegExp, string])[] = [
  [/^@lmdb\/lmdb-/u, "The text is that of lmdb, from whose sources it is built."],
  [/^@msgpackr-extract\//u, "The text is that of msgpackr-extract, from whose sources it is built."],
  [/^abstract-logging$/u, "Its README says: MIT License, http://jsumners.mit-license.org/"],
  [/^weak-lru-cache$/u, "Its package.json says: MIT, by Kris Zyp."],
];

export interface Notice {
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  readonly text: string;
}

/** The production packages of a lock file, with the texts found below `root`/node_modules. */
export function noticesOf(
  root: string,
  lock: unknown,
): { readonly notices: readonly Notice[]; readonly problems: readonly string[] } {
  const notices: Notice[] = [];
  const problems: string[] = [];
  for (const [place, value] of Object.entries(fields(fields(lock)["packages"]))) {
    const entry = fields(value);
    if (place === "" || entry["dev"] === true) continue;
    const name = place.slice(place.lastIndexOf("node_modules/") + "node_modules/".length);
    const version = String(entry["version"]);
    const licence = typeof entry["license"] === "string" ? entry["license"] : "none";
    if (!allowed.has(licence)) problems.push(`${name} ${version}: the licence ${licence} is not on the list`);
    const text = textOf(path.join(root, place)) ?? withoutText.find(([pattern]) => pattern.test(name))?.[1];
    if (text === undefined) problems.push(`${name} ${version}: no text of its licence in ${place}`);
    else notices.push({ name, version, licence, text });
  }
  if (notices.length + problems.length === 0) problems.push("the lock file names no packages");
  return { notices, problems };
}

/**
 * The file of notices for the packages of `root`/node_modules and for what is shipped with them otherwise. Throws, with
 * all reasons, where one may not be shipped.
 */
export function noticesFor(root: string, lock: unknown, besides: readonly Notice[] = []): string {
  const { notices, problems } = noticesOf(root, lock);
  if (problems.length > 0) throw new Error(`licences:\n${problems.join("\n")}`);
  return noticesFile([...notices, ...besides]);
}

export function noticesFile(notices: readonly Notice[]): string {
  const parts = notices.map(({ name, version, licence, text }) => `${name} ${version} (${licence})\n\n${text}\n`);
  const introduction =
    "popgate runs with the packages below. Each is its authors' work, under the licence that stands with it.\n";
  return [introduction, ...parts].join(`\n${"-".repeat(78)}\n\n`);
}

function textOf(folder: string): string | undefined {
  if (!existsSync(folder)) return undefined;
  const files = readdirSync(folder).filter((name) => /^(?:licen[cs]e|copying|notice)(?:\.|-|$)/iu.test(name));
  if (files.length === 0) return undefined;
  return files
    .toSorted()
    .map((name) => readFileSync(path.join(folder, name), "utf8").replaceAll("\r\n", "\n").trim())
    .join("\n\n");
}

function fields(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}
