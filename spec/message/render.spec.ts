import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ByteRange } from "../../src/message/decision.ts";
import { render } from "../../src/message/render.ts";

async function* stream(chunks: readonly Buffer[]): AsyncGenerator<Buffer> {
  for (const chunk of chunks) yield chunk;
}

async function rendered(chunks: readonly Buffer[], prepend = "", cuts: readonly ByteRange[] = []): Promise<string> {
  const out: Buffer[] = [];
  for await (const piece of render(stream(chunks), { prepend, cuts })) out.push(Buffer.from(piece));
  return Buffer.concat(out).toString("latin1");
}

/** The rule in its shortest form, to compare with. */
function plain(text: string): string {
  const lines = text.replace(/\r*\n|\r/gu, "\r\n");
  return lines === "" || lines.endsWith("\r\n") ? lines : `${lines}\r\n`;
}

const odd = fc
  .array(fc.constantFrom("\r", "\n", "\r\n", "a", "bb", ".", "\0", "\xff"), { maxLength: 40 })
  .map((parts) => parts.join(""));

describe("render", () => {
  it.each([
    ["CRLF", "A: 1\r\n\r\nb\r\n", "A: 1\r\n\r\nb\r\n"],
    ["bare LF", "a\nb\n", "a\r\nb\r\n"],
    ["bare CR", "a\rb", "a\r\nb\r\n"],
    ["CR CR LF", "a\r\r\nb\r\n", "a\r\nb\r\n"],
    ["no end", "a", "a\r\n"],
    ["nothing", "", ""],
    ["a dot is left to the transport", ".\r\n..\r\n", ".\r\n..\r\n"],
  ])("ends lines with CRLF: %s", async (_, text, expected) => {
    await expect(rendered([Buffer.from(text)])).resolves.toBe(expected);
  });

  it("puts the prepended field first and leaves the cuts out", async () => {
    const text = "A: 1\r\nBcc: x@y\r\nB: 2\r\n\r\nbody\r\n";
    const cut = { start: 6, end: 16 };
    await expect(rendered([Buffer.from(text)], "R: 0\r\n", [cut])).resolves.toBe(
      "R: 0\r\nA: 1\r\nB: 2\r\n\r\nbody\r\n",
    );
  });

  it("does not join the line ends on both sides of a cut", async () => {
    const text = "A: 1\rBcc: x\r\n\nbody\n";
    await expect(rendered([Buffer.from(text)], "", [{ start: 5, end: 13 }])).resolves.toBe("A: 1\r\n\r\nbody\r\n");
  });

  it("passes clean chunks on without a copy", async () => {
    const chunk = Buffer.from("a\r\nb\r\n");
    const out: Buffer[] = [];
    for await (const piece of render(stream([chunk]), { prepend: "", cuts: [] })) out.push(piece);
    expect(out[0]?.buffer).toBe(chunk.buffer);
  });

  it("lets a damaged body fail before its end", async () => {
    async function* damaged(): AsyncGenerator<Buffer> {
      yield Buffer.from("a\r\n");
      throw new Error("damaged");
    }
    const run = async (): Promise<void> => {
      for await (const piece of render(damaged(), { prepend: "", cuts: [] })) expect(piece.toString()).toBe("a\r\n");
    };
    await expect(run()).rejects.toThrow("damaged");
  });

  it("gives the same for any way of cutting into chunks", async () => {
    await fc.assert(
      fc.asyncProperty(odd, fc.array(fc.nat(40), { maxLength: 6 }), async (text, borders) => {
        const bytes = Buffer.from(text, "latin1");
        const at = [0, ...borders.map((n) => Math.min(n, bytes.length)).sort((a, b) => a - b), bytes.length];
        const chunks = at.slice(1).map((end, i) => bytes.subarray(at[i], end));
        expect(await rendered(chunks)).toBe(plain(text));
      }),
    );
  });

  it("leaves every octet outside cuts and stray line ends as it was", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.stringMatching(/^[a-z]{0,6}$/u), { maxLength: 8 }),
        fc.nat(7),
        fc.nat(9),
        async (lines, n, size) => {
          const text = lines.map((line) => `${line}\r\n`).join("");
          const start = lines.slice(0, n).join("\r\n").length + (n > 0 && n <= lines.length ? 2 : 0);
          const from = Math.min(start, text.length);
          const end = Math.min(text.length, from + (lines[n]?.length ?? -2) + 2);
          const bytes = Buffer.from(text);
          const chunks = [bytes.subarray(0, size), bytes.subarray(size)];
          expect(await rendered(chunks, "", [{ start: from, end }])).toBe(text.slice(0, from) + text.slice(end));
        },
      ),
    );
  });
});
