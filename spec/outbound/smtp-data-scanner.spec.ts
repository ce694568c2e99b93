/** Where a message ends, and which dots are taken away: in every cut, against a model that has the whole at once. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DataScanner } from "../../src/outbound/smtp-data-scanner.ts";

interface Scanned {
  readonly text: string;
  /** What stands behind the end; `undefined`: there is none. */
  readonly rest: string | undefined;
}

function scan(pieces: readonly string[]): Scanned {
  const scanner = new DataScanner();
  let text = "";
  for (const [i, piece] of pieces.entries()) {
    const chunk = Buffer.from(piece, "latin1");
    const { octets, end } = scanner.push(chunk);
    text += octets.toString("latin1");
    if (end !== undefined) {
      return { text, rest: chunk.toString("latin1", end) + pieces.slice(i + 1).join("") };
    }
  }
  return { text, rest: undefined };
}

/** RFC 5321 §4.5.2 on the whole: lines end at CRLF, a lone dot ends it all, a leading dot goes. */
function model(whole: string): Scanned {
  let text = "";
  for (let at = 0; ;) {
    const end = whole.indexOf("\r\n", at);
    const line = end < 0 ? whole.slice(at) : whole.slice(at, end + 2);
    if (line === ".\r\n") return { text, rest: whole.slice(at + 3) };
    text += line.startsWith(".") ? line.slice(1) : line;
    if (end < 0) return { text, rest: undefined };
    at = end + 2;
  }
}

describe("the scanner", () => {
  it.each([
    [".\r\n", { text: "", rest: "" }],
    ["..\r\n.\r\n", { text: ".\r\n", rest: "" }],
    ["a\r\n.\r\nQUIT\r\n", { text: "a\r\n", rest: "QUIT\r\n" }],
    ["a\r\n.b\r\n.\r\n", { text: "a\r\nb\r\n", rest: "" }],
    ["a\n.\r\n.\r\n", { text: "a\n.\r\n", rest: "" }],
    ["a\r.\r\n.\r\n", { text: "a\r.\r\n", rest: "" }],
    ["a\r\n.\nb\r\n.\r\n", { text: "a\r\n\nb\r\n", rest: "" }],
    ["a\r\n.\rb\r\n.\r\n", { text: "a\r\n\rb\r\n", rest: "" }],
    ["a\r\n.\r\r\n.\r\n", { text: "a\r\n\r\r\n", rest: "" }],
    ["a\r\r\n.\r\n", { text: "a\r\r\n", rest: "" }],
    ["a\r\n.\0\r\n.\r\n", { text: "a\r\n\0\r\n", rest: "" }],
    ["a\n..b\r\n.\r\n", { text: "a\n..b\r\n", rest: "" }],
  ])("reads %j", (whole, expected) => {
    expect(scan([whole])).toEqual(expected);
    expect(scan(whole.split(""))).toEqual(expected);
  });

  it("agrees with the model however the octets are cut", () => {
    const unit = fc.constantFrom("\r\n", "\r", "\n", ".", ".\r\n", "\r\n.", "\r\n.\r\n", "\0", "a", "text");
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 12 }), fc.array(fc.nat(30), { maxLength: 6 }), (units, cuts) => {
        const whole = units.join("");
        const at = [...new Set(cuts.filter((cut) => cut < whole.length))].sort((a, b) => a - b);
        const pieces = [...at, whole.length].map((end, i) => whole.slice(at[i - 1] ?? 0, end));
        expect(scan(pieces)).toEqual(unfinished(model(whole), whole));
      }),
      { numRuns: 5000 },
    );
  });

  it("passes a chunk without such dots on as it is", () => {
    const chunk = Buffer.from("no dots at the start\r\nof a line\r\n. is one\r\n".slice(0, 33));
    expect(new DataScanner().push(chunk).octets.buffer).toBe(chunk.buffer);
  });
});

/** What may still become the end is not passed on before it is known what it is. */
function unfinished(whole: Scanned, sent: string): Scanned {
  if (whole.rest !== undefined) return whole;
  const held = /(?:^|\r\n)\.(\r?)$/u.exec(sent)?.[1];
  return held === "\r" && model(sent).rest === undefined ? { ...whole, text: whole.text.slice(0, -1) } : whole;
}
