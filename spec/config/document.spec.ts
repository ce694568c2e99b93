import { describe, expect, test } from "vitest";
import { readDocument } from "../../src/config/document.ts";
import { keyText } from "../../src/config/key-path.ts";

describe("places", () => {
  const document = readDocument(
    ["top = 1", "[a]", "x = [1,", "  2]", "[[b]]", "[[b]]", 'c = { d = "e" }', "[b.f]", "g.h = 1", '"i j" = 2'].join(
      "\n",
    ),
  );

  test.each([
    [["top"], "1:1", "1:7"],
    [["a"], "2:1", "2:1"],
    [["a", "x", 1], "3:1", "4:3"],
    [["b", 0], "5:1", "5:1"],
    [["b", 1], "6:1", "6:1"],
    [["b", 1, "c", "d"], "7:7", "7:11"],
    [["b", 1, "f", "g"], "9:1", "9:1"],
    [["b", 1, "f", "g", "h"], "9:3", "9:7"],
    [["b", 1, "f", "i j"], "10:1", "10:9"],
    [["b", 1, "absent"], "6:1", "6:1"],
    [["absent"], "1:1", "1:1"],
  ])("%j", (path, key, value) => {
    const text = ({ line, column }: { line: number; column: number }): string => `${line}:${column}`;
    expect([text(document.keyAt(path)), text(document.valueAt(path))]).toEqual([key, value]);
  });

  test("values", () => {
    expect(JSON.parse(JSON.stringify(document.root))).toEqual({
      top: 1,
      a: { x: [1, 2] },
      b: [{}, { c: { d: "e" }, f: { g: { h: 1 }, "i j": 2 } }],
    });
  });

  test("how paths are written", () => {
    expect(keyText(["collector", 1, "keep"])).toBe("collector[2].keep");
    expect(keyText(["aliases", "a@b.example"])).toBe('aliases."a@b.example"');
    expect(keyText([])).toBe("");
  });
});

describe("reading goes on behind what is broken", () => {
  test.each([
    ["a broken line", "a = \nb = 1\n", ["1"], { b: 1 }, true],
    ["a broken header takes its keys along", "[a\nx = 1\n[b]\ny = 1\n", ["1"], { b: { y: 1 } }, true],
    ["a key twice leaves the first", "a = 1\na = 2\nb = 3\n", ["2"], { a: 1, b: 3 }, false],
    [
      "a table twice leaves the first",
      "[a]\nx = 1\n[a]\nx = 2\ny = 3\n[b]\nz = 1\n",
      ["3"],
      { a: { x: 1 }, b: { z: 1 } },
      false,
    ],
    ["an unfinished list ends it", "a = [1,\n2\n", ["1"], {}, true],
    ["several", "a = \nb = 1\nc = x\nd = 2\nd = 3\n", ["1", "3", "5"], { b: 1, d: 2 }, true],
  ])("%s", (_, text, lines, root, damaged) => {
    const document = readDocument(text);
    expect(document.faults.map(({ line }) => String(line))).toEqual(lines);
    expect(JSON.parse(JSON.stringify(document.root))).toEqual(root);
    expect(document.damaged).toBe(damaged);
  });

  test("not without end", () => {
    expect(readDocument("=\n".repeat(1000)).faults.length).toBeLessThanOrEqual(20);
  });

  test("and when it was given up, nothing is called missing", () => {
    const { root, damaged } = readDocument("a = 1\n".repeat(1000));
    expect({ root, damaged }).toEqual({ root: {}, damaged: true });
  });

  test("a key of the language's own is a key like any other", () => {
    const { root } = readDocument("__proto__ = 1\nconstructor = 2\n");
    expect(Object.keys(root)).toEqual(["__proto__", "constructor"]);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });
});
