/** The octets between 354 and the final dot: what was stuffed comes out, however it was cut into packets. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { DataReader } from "../../src/demo/smtp-data-reader.ts";

function read(wire: Buffer, sizes: readonly number[]): { octets: string; rest: string | undefined } {
  const reader = new DataReader();
  const pieces: Buffer[] = [];
  for (let at = 0, turn = 0; at < wire.length; turn++) {
    const size = Math.max(1, sizes[turn % Math.max(1, sizes.length)] ?? 1);
    const step = reader.push(wire.subarray(at, at + size));
    at += size;
    pieces.push(...step.octets);
    if (step.kind === "end") {
      const rest = Buffer.concat([step.rest, wire.subarray(at)]);
      return { octets: Buffer.concat(pieces).toString("latin1"), rest: rest.toString("latin1") };
    }
  }
  return { octets: Buffer.concat(pieces).toString("latin1"), rest: undefined };
}

/** Messages of what matters: line ends, halves of them, dots. */
const message = fc.array(fc.constantFrom("\r\n", "\r", "\n", ".", "a", "\0")).map((parts) => `${parts.join("")}\r\n`);
const sizes = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 10 });

test("any message in any packets, and what follows it", () => {
  fc.assert(
    fc.property(message, sizes, fc.constantFrom("", "QUIT\r\n", ".\r\n", "\r\n.\r\n"), (text, cut, rest) => {
      const stuffed = text.replace(/(^|\r\n)\./gu, "$1..");
      expect(read(Buffer.from(`${stuffed}.\r\n${rest}`), cut)).toEqual({ octets: text, rest });
    }),
    { numRuns: 2000 },
  );
});

test("without CRLF . CRLF there is no end", () => {
  const octets = fc.array(fc.constantFrom("\r\n", "\r", "\n", ".", "a")).map((parts) => parts.join(""));
  fc.assert(
    fc.property(octets, sizes, (text, cut) => {
      fc.pre(!`\r\n${text}`.includes("\r\n.\r\n"));
      expect(read(Buffer.from(text), cut).rest).toBeUndefined();
    }),
    { numRuns: 2000 },
  );
});
