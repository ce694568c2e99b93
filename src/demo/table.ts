/** A table for a terminal: columns as wide as they need to be, long cells on several lines. */
import type { DemoRow } from "./rows.ts";

const headings = ["message", "recipients found", "by what evidence", "removed", "what became of it"] as const;
const widths = [30, 16, 36, 24, 46] as const;

export function formatTable(rows: readonly (DemoRow & { readonly faults: readonly string[] })[]): string {
  const rule = `${widths.map((width) => "─".repeat(width)).join("──")}\n`;
  const body = rows.map((row) => formatRow(cellsOf(row))).join(rule);
  return `${formatRow(headings)}${rule}${body}${rule}`;
}

function cellsOf(row: DemoRow & { readonly faults: readonly string[] }): readonly string[] {
  const outcome = [
    ...(row.delivered.length > 0 ? [`delivered: ${row.delivered.join(", ")}`] : []),
    ...row.held.map(({ reason, detail }) => `held, ${reason}: ${detail}`),
    ...row.faults.map((fault) => `NOT AS IT MUST BE: ${fault}`),
  ];
  return [
    row.shows,
    row.found.length === 0 ? "none" : row.found.join(", "),
    row.evidence.join("\n"),
    row.removed.join(", ") || "nothing",
    outcome.join("\n"),
  ];
}

function formatRow(cells: readonly string[]): string {
  const wrapped = cells.map((cell, index) => cell.split("\n").flatMap((line) => wrap(line, widths[index] ?? 20)));
  const height = Math.max(...wrapped.map(({ length }) => length));
  let text = "";
  for (let line = 0; line < height; line++) {
    const parts = wrapped.map((lines, index) => (lines[line] ?? "").padEnd(widths[index] ?? 20));
    text += `${parts.join("  ").trimEnd()}\n`;
  }
  return text;
}

/** Breaks at spaces, and inside a word only when it is longer than a line. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = "";
    }
    line = line === "" ? word : `${line} ${word}`;
    for (; line.length > width; line = line.slice(width)) lines.push(line.slice(0, width));
  }
  return [...lines, line];
}
