/**
 * Reads what `vitest run --config vitest.coverage.config.ts` has counted and prints, for each folder in which a mistake
 * loses mail, how many of the branches in its code the specs have taken.
 *
 *   coverage.ts [--report DIRECTORY] [--list] [FOLDER…]
 *
 * `--list` names each branch that was not taken, by file and line, with the line. Ends with status 1 when a folder is
 * below the limit, and with an error when there are no figures for one: a check of nothing must not pass.
 */
import { readFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";

const folders = ["spool", "delivery", "inbound", "message", "pop3"];
/** Of a hundred branches so many are taken at least. */
const leastPercent = 95;
const src = path.join(import.meta.dirname, "..", "src");

interface Position {
  readonly line?: number;
}

/** What the report says of one file, as far as it is of use here. */
interface FileReport {
  readonly branchMap: Readonly<
    Record<string, { readonly type: string; readonly locations: readonly { readonly start: Position }[] }>
  >;
  readonly b: Readonly<Record<string, readonly number[]>>;
}

interface Branch {
  readonly file: string;
  readonly line: number;
  readonly type: string;
  readonly taken: boolean;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { report: { type: "string", default: "artefacts/coverage" }, list: { type: "boolean", default: false } },
});

const branches = branchesOf(path.join(values.report, "coverage-final.json"));
let enough = true;
for (const folder of positionals.length > 0 ? positionals : folders) {
  const all = branches.filter(({ file }) => file.startsWith(`${folder}/`));
  if (all.length === 0) throw new Error(`no figures for src/${folder} in ${values.report}`);
  const taken = all.filter((branch) => branch.taken).length;
  const percent = (100 * taken) / all.length;
  if (percent < leastPercent) enough = false;
  const verdict = percent < leastPercent ? `  below ${leastPercent} %` : "";
  process.stdout.write(
    `${folder.padEnd(9)}${String(taken).padStart(6)} of ${String(all.length).padStart(5)} branches` +
      `${percent.toFixed(1).padStart(7)} %${verdict}\n`,
  );
  if (values.list) for (const branch of all) if (!branch.taken) process.stdout.write(described(branch));
}
process.exitCode = enough ? 0 : 1;

function branchesOf(file: string): readonly Branch[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by vitest a moment ago
  const report = JSON.parse(readFileSync(file, "utf8")) as Readonly<Record<string, FileReport>>;
  return Object.entries(report).flatMap(([name, { branchMap, b }]) =>
    Object.entries(branchMap).flatMap(([id, { type, locations }]) =>
      locations.map(({ start }, index) => ({
        file: path.relative(src, name),
        // The `else` that is not written has no place of its own: it belongs to the first one's.
        line: start.line ?? locations[0]?.start.line ?? 0,
        type: type === "if" ? (index === 0 ? "then" : "else") : `${type} ${index + 1}`,
        taken: (b[id]?.[index] ?? 0) > 0,
      })),
    ),
  );
}

function described({ file, line, type }: Branch): string {
  const text = readFileSync(path.join(src, file), "utf8").split("\n")[line - 1] ?? "";
  return `    ${file}:${line} (${type}) ${text.trim()}\n`;
}
