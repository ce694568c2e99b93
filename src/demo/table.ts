/** Tables for a terminal: columns as wide as they need to be, long cells on several lines. */
import type { OutboundRow } from "./outbound-rows.ts";
import type { DemoRow } from "./rows.ts";

type Judged<Row> = Row & { readonly faults: readonly string[] };

interface Column<Row> {
  readonly heading: string;
  readonly width: number;
  readonly cell: (row: Row) => string;
}

const inbound: readonly Column<Judged<DemoRow>>[] = [
  { heading: "message", width: 30, cell: ({ shows }) => shows },
  { heading: "recipients found", width: 16, cell: ({ found }) => found.join(", ") || "none" },
  { heading: "by what evidence", width: 36, cell: ({ evidence }) => evidence.join("\n") },
  { heading: "removed", width: 24, cell: ({ removed }) => removed.join(", ") || "nothing" },
  {
    heading: "what became of it",
    width: 46,
    cell: ({ delivered, held, faults }) =>
      lines([
        ...(delivered.length > 0 ? [`delivered: ${delivered.join(", ")}`] : []),
        ...held.map(({ reason, detail }) => `held, ${reason}: ${detail}`),
        ...faults.map(complaint),
      ]),
  },
];

const outbound: readonly Column<Judged<OutboundRow>>[] = [
  { heading: "message", width: 30, cell: ({ shows }) => shows },
  { heading: "from", width: 22, cell: ({ from }) => from || "<>" },
  { heading: "for", width: 22, cell: ({ to }) => to.join("\n") },
  { heading: "removed", width: 8, cell: ({ removed }) => removed.join(", ") || "nothing" },
  {
    heading: "what became of it",
    width: 68,
    cell: ({ relayed, reported, faults }) =>
      lines([
        ...relayed.map(({ relay, recipients }) => `by ${relay}: ${recipients.join(", ")}`),
        ...reported.map(({ recipient, status }) => `reported to the sender: ${recipient} ${status}`),
        ...faults.map(complaint),
      ]),
  },
];

/** What came in by POP3. */
export function formatTable(rows: readonly Judged<DemoRow>[]): string {
  return format(inbound, rows);
}

/** What went out by the relays. */
export function formatOutboundTable(rows: readonly Judged<OutboundRow>[]): string {
  return format(outbound, rows);
}

function complaint(fault: string): string {
  return `NOT AS IT MUST BE: ${fault}`;
}

function lines(all: readonly string[]): string {
  return all.join("\n");
}

function format<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const widths = columns.map(({ width }) => width);
  const rule = `${widths.map((width) => "─".repeat(width)).join("──")}\n`;
  const heading = formatRow(
    columns.map((column) => column.heading),
    widths,
  );
  const body = rows.map((row) =>
    formatRow(
      columns.map(({ cell }) => cell(row)),
      widths,
    ),
  );
  return `${heading}${rule}${body.join(rule)}${rule}`;
}

function formatRow(cells: readonly string[], widths: readonly number[]): string {
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
