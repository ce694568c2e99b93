import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { displayWidth } from "../../src/cli/printable.ts";
import { Screen, styled } from "../../src/cli/screen.ts";
import { Paper } from "./console.ts";

describe("colours", () => {
  const written = (paper: Paper, env: Readonly<Record<string, string>>): string => {
    new Screen(paper, env).print("plain ", styled("bad", "red"));
    return paper.text;
  };

  test("on a terminal", () => {
    expect(written(new Paper(80), {})).toBe("plain \u001B[31mred\u001B[0m\n");
    expect(written(new Paper(80), { NO_COLOR: "" })).toContain("\u001B[31m");
  });

  test.each([
    ["on a pipe", new Paper(), {}],
    ["with NO_COLOR", new Paper(80), { NO_COLOR: "1" }],
    ["on a dumb terminal", new Paper(80), { TERM: "dumb" }],
  ])("not %s", (_, paper, env) => {
    expect(written(paper, env)).toBe("plain red\n");
  });
});

test("a control character in a piece never gets out, whatever its style", () => {
  const paper = new Paper(80);
  new Screen(paper, { NO_COLOR: "1" }).print("a\u001B[2Jb", styled("bold", "\u0007"));
  expect(paper.text).toBe("a\uFFFD[2Jb\uFFFD\n");
});

describe("tables", () => {
  const columns = [{ title: "ID" }, { title: "SIZE", align: "right" as const }, { title: "SUBJECT", least: 8 }];
  const rows = [
    ["A1", "12 kB", "a rather long subject, longer than the terminal is wide"],
    ["A22", "3 B", "kurz"],
  ];

  test("whole on a pipe, without blanks at the end of a line", () => {
    const paper = new Paper();
    new Screen(paper, {}).table(columns, rows);
    expect(paper.text).toBe(
      "ID    SIZE  SUBJECT\n" +
        "A1   12 kB  a rather long subject, longer than the terminal is wide\n" +
        "A22    3 B  kurz\n",
    );
  });

  test("cut on a narrow terminal, where a column may be", () => {
    const paper = new Paper(30);
    new Screen(paper, { NO_COLOR: "1" }).table(columns, rows);
    expect(paper.text).toBe("ID    SIZE  SUBJECT\nA1   12 kB  a rather long sub…\nA22    3 B  kurz\n");
  });

  test("no line is wider than the terminal while there is anything to cut", () => {
    const cell = fc.string({ unit: "grapheme", maxLength: 60 });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(cell, cell), { maxLength: 8 }),
        fc.integer({ min: 12, max: 100 }),
        (rows, width) => {
          const paper = new Paper(width);
          new Screen(paper, { NO_COLOR: "1" }).table(
            [
              { title: "ONE", least: 4 },
              { title: "TWO", least: 4 },
            ],
            rows,
          );
          for (const line of paper.text.split("\n")) expect(displayWidth(line)).toBeLessThanOrEqual(width);
          expect(paper.text.split("\n")).toHaveLength(rows.length + 2);
        },
      ),
    );
  });
});

test("words go on below where they began", () => {
  const paper = new Paper(30);
  new Screen(paper, { NO_COLOR: "1" }).entry(["  12:00 "], "delivered to Exchange at last, thank you");
  expect(paper.text).toBe("  12:00 delivered to Exchange\n        at last, thank you\n");
});
