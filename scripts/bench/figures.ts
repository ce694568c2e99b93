/** What a scenario gives: tables, aims with what was measured, and the figures themselves for the JSON file. */

export interface Table {
  readonly caption: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface Aim {
  readonly aim: string;
  readonly measured: string;
  readonly isMet: boolean;
}

export interface Section {
  readonly name: string;
  readonly title: string;
  /** How it was measured. */
  readonly about: string;
  readonly tables: readonly Table[];
  readonly aims: readonly Aim[];
  readonly figures: unknown;
}

/** SCALE=0.1 makes everything that is counted a tenth: for trying things out. */
export function scaled(count: number): number {
  return Math.max(1, Math.round(count * Number(process.env["SCALE"] ?? "1")));
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  if (sorted.length % 2 === 1) return sorted[Math.floor(middle)] ?? Number.NaN;
  return ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

/** Three digits that count. */
export function round(value: number): string {
  if (!Number.isFinite(value)) return "-";
  if (value >= 100) return Math.round(value).toLocaleString("en");
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

export function megabytes(octets: number): string {
  return round(octets / 1e6);
}

export function toMarkdown(section: Section): string {
  const lines = [`### ${section.title}`, "", section.about, ""];
  for (const { caption, head, rows } of section.tables) {
    if (caption !== "") lines.push(caption, "");
    lines.push(`| ${head.join(" | ")} |`, `|${head.map((_, column) => (column === 0 ? "---" : "---:")).join("|")}|`);
    for (const row of rows) lines.push(`| ${row.join(" | ")} |`);
    lines.push("");
  }
  if (section.aims.length > 0) {
    lines.push("| aim | measured | met |", "|---|---|---|");
    for (const { aim, measured, isMet } of section.aims)
      lines.push(`| ${aim} | ${measured} | ${isMet ? "yes" : "no"} |`);
    lines.push("");
  }
  return lines.join("\n");
}
