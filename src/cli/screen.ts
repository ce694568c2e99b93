/**
 * Where a command writes for a person: lines of pieces with a style, and tables fitted to the terminal.
 *
 * Guarantees: whatever text is given is made printable before it is written, so that no control character of a mail or a
 * server reaches a terminal; colours are used only on a terminal and not with NO_COLOR (https://no-color.org) or a dumb
 * one. Where the output is no terminal nothing is cut.
 */
import { once } from "node:events";
import type { Writable } from "node:stream";
import { displayWidth, printable, printableJson, shortened } from "./printable.ts";

export type Style = "plain" | "bold" | "dim" | "good" | "warning" | "bad";

export interface Span {
  readonly text: string;
  readonly style: Style;
}

export type Piece = string | Span;

export interface Column {
  readonly title: string;
  readonly align?: "left" | "right";
  /** It may be cut down to this width when the terminal is narrow. Without: never cut. */
  readonly least?: number;
}

/** A stream such as process.stdout. */
export type Output = Writable & { readonly isTTY?: boolean; readonly columns?: number };
export type Environment = Readonly<Record<string, string | undefined>>;

const codes: Readonly<Record<Style, string>> = {
  plain: "",
  bold: "\u001B[1m",
  dim: "\u001B[2m",
  good: "\u001B[32m",
  warning: "\u001B[33m",
  bad: "\u001B[31m",
};
const plainAgain = "\u001B[0m";
const usualWidth = 80;
const gap = "  ";
/** However narrow the terminal is. */
const leastRoom = 20;

export function styled(style: Style, text: string): Span {
  return { text, style };
}

export class Screen {
  readonly #output: Output;
  readonly #coloured: boolean;
  /** Columns; `undefined` when it is no terminal. */
  readonly width: number | undefined;

  constructor(output: Output, env: Environment) {
    this.#output = output;
    const isTerminal = output.isTTY === true;
    this.#coloured = isTerminal && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";
    this.width = isTerminal ? (output.columns ?? usualWidth) : undefined;
  }

  get isTerminal(): boolean {
    return this.width !== undefined;
  }

  /** One line. */
  print(...pieces: readonly Piece[]): void {
    this.#output.write(`${pieces.map((piece) => this.#painted(piece)).join("")}\n`);
  }

  /** Resolves when what reads the output has caught up: for output that may be long. */
  async caughtUp(): Promise<void> {
    if (this.#output.writableNeedDrain) await once(this.#output, "drain");
  }

  /** Words on lines that fit, each after `indent` columns. */
  paragraph(indent: number, text: string, style: Style = "plain"): void {
    this.entry([" ".repeat(indent)], text, style);
  }

  /** Words on lines that fit, the first after `lead`, the others below its end. */
  entry(lead: readonly Piece[], text: string, style: Style = "plain"): void {
    const indent = displayWidth(lead.map(textOf).join(""));
    const room = this.width === undefined ? Infinity : Math.max(leastRoom, this.width - indent);
    for (const [index, line] of wrapped(printable(text), room).entries())
      this.print(...(index === 0 ? lead : [" ".repeat(indent)]), styled(style, line));
  }

  table(columns: readonly Column[], rows: readonly (readonly Piece[])[], indent = 0): void {
    const cells = rows.map((row) => row.map((piece) => ({ text: printable(textOf(piece)), style: styleOf(piece) })));
    const widths = this.#widths(columns, cells, indent);
    this.print(
      " ".repeat(indent),
      ...lineOf(
        columns,
        widths,
        columns.map(({ title }) => styled("dim", title)),
      ),
    );
    for (const row of cells) this.print(" ".repeat(indent), ...lineOf(columns, widths, row));
  }

  json(value: unknown): void {
    this.#output.write(`${printableJson(value, 2)}\n`);
  }

  /** One value on one line. */
  jsonLine(value: unknown): void {
    this.#output.write(`${printableJson(value)}\n`);
  }

  /** On a terminal: in the place of the line before, which must have been written by this as well. */
  progress(text: string): void {
    if (this.width !== undefined) this.#output.write(`\r\u001B[K${shortened(printable(text), this.width - 1)}`);
  }

  clearProgress(): void {
    if (this.width !== undefined) this.#output.write("\r\u001B[K");
  }

  #painted(piece: Piece): string {
    const text = printable(textOf(piece));
    const code = this.#coloured ? codes[styleOf(piece)] : "";
    return code === "" || text === "" ? text : `${code}${text}${plainAgain}`;
  }

  #widths(columns: readonly Column[], rows: readonly (readonly Span[])[], indent: number): number[] {
    const widths = columns.map(({ title }, index) =>
      rows.reduce((most, row) => Math.max(most, displayWidth(row[index]?.text ?? "")), displayWidth(title)),
    );
    if (this.width === undefined) return widths;
    let excess = widths.reduce((sum, width) => sum + width, indent + gap.length * (columns.length - 1)) - this.width;
    // One column at a time from the widest that may give, so that what is short stays whole.
    while (excess > 0) {
      const spare = columns.map(({ least }, index) => (widths[index] ?? 0) - (least ?? Infinity));
      const index = widest(spare, widths);
      if (index === undefined) break;
      widths[index] = (widths[index] ?? 0) - 1;
      excess -= 1;
    }
    return widths;
  }
}

function widest(spare: readonly number[], widths: readonly number[]): number | undefined {
  let found: number | undefined;
  for (const [index, width] of widths.entries())
    if ((spare[index] ?? 0) > 0 && (found === undefined || width > (widths[found] ?? 0))) found = index;
  return found;
}

function lineOf(columns: readonly Column[], widths: readonly number[], row: readonly Span[]): Piece[] {
  return columns.flatMap(({ align = "left" }, index): Piece[] => {
    const { text, style } = row[index] ?? styled("plain", "");
    const width = widths[index] ?? 0;
    const cut = shortened(text, width);
    const space = " ".repeat(Math.max(0, width - displayWidth(cut)));
    const isLast = index === columns.length - 1;
    const cell = styled(style, cut);
    const between = isLast ? [] : [gap];
    return align === "right" ? [space, cell, ...between] : [cell, ...(isLast ? [] : [space]), ...between];
  });
}

function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (displayWidth(longer) > width && line !== "") {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line];
}

function textOf(piece: Piece): string {
  return typeof piece === "string" ? piece : piece.text;
}

function styleOf(piece: Piece): Style {
  return typeof piece === "string" ? "plain" : piece.style;
}
