import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MultilineDecoder } from "../../src/pop3/multiline.ts";

interface Decoded {
  readonly content: string;
  readonly end: "open" | "ambiguous" | { readonly rest: string };
  readonly endsHere: boolean;
}

function decode(packets: readonly Buffer[], announced?: number, following = false): Decoded {
  const slices: Buffer[] = [];
  const decoder = new MultilineDecoder((slice) => slices.push(Buffer.from(slice)), announced);
  let end: Decoded["end"] = "open";
  let rest = "";
  for (const packet of packets) {
    if (end !== "open") {
      rest += packet.toString("latin1");
      continue;
    }
    const step = decoder.push(packet, following);
    if (step.kind === "end") {
      end = { rest: "" };
      rest = step.rest.toString("latin1");
    } else if (step.kind === "ambiguous") {
      end = "ambiguous";
    }
  }
  const content = Buffer.concat(slices).toString("latin1");
  expect(decoder.octets).toBe(content.length);
  return { content, end: typeof end === "string" ? end : { rest }, endsHere: decoder.endsHere };
}

function once(text: string, announced?: number, following = false): Decoded {
  return decode([Buffer.from(text, "latin1")], announced, following);
}

/** Text as it matters here: mostly dots and line ends. */
const piece = fc.constantFrom(".", "..", "\r\n", "\n", "\r", "a", "text.", "+OK", "-", "\r\n.\r\n", "\n.\n", "\0\xff");
const anything = fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(""));
/** As above, but with CRLF for every line end. */
const crlfText = anything.map((text) => text.replace(/\r?\n|\r/gu, "\r\n").replace(/(?<!\n)$/u, "\r\n"));

function cut(text: string, sizes: readonly number[]): Buffer[] {
  const octets = Buffer.from(text, "latin1");
  const packets: Buffer[] = [];
  let at = 0;
  for (let index = 0; at < octets.length; index += 1) {
    const size = sizes[index % sizes.length] ?? 1;
    packets.push(octets.subarray(at, at + size));
    at += size;
  }
  return packets;
}

const cuts = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 8 });
/** Doubles the dot at the start of each line, as a server does (RFC 1939 §3). */
const stuff = (text: string): string => text.replace(/(^|\n)\./gu, "$1..");

describe("MultilineDecoder", () => {
  it("gives back what was stuffed, however it is cut, and what came behind it", () => {
    fc.assert(
      fc.property(crlfText, cuts, fc.boolean(), fc.boolean(), (text, sizes, sized, following) => {
        const wire = `${stuff(text)}.\r\n+OK next\r\n`;
        const decoded = decode(cut(wire, sizes), sized ? text.length : undefined, following);
        expect(decoded.content).toBe(text);
        expect(decoded.end).toEqual({ rest: "+OK next\r\n" });
      }),
      { numRuns: 500 },
    );
  });

  it("decides the same for any cuts", () => {
    const size = fc.option(fc.integer({ min: 0, max: 60 }), { nil: undefined });
    fc.assert(
      fc.property(anything, cuts, size, fc.boolean(), (text, sizes, announced, following) => {
        expect(decode(cut(text, sizes), announced, following)).toEqual(once(text, announced, following));
      }),
      { numRuns: 2000 },
    );
  });

  it("gives back what a server with bare LF stuffed", () => {
    fc.assert(
      fc.property(anything, cuts, (raw, sizes) => {
        const text = `A: b\n${raw.replace(/\r/gu, "")}\n`;
        const decoded = decode(cut(`${stuff(text)}.\n`, sizes));
        expect(decoded).toEqual({ content: text, end: { rest: "" }, endsHere: false });
      }),
    );
  });

  it.each([
    ["a\r\n.\r\nrest", { content: "a\r\n", end: { rest: "rest" } }],
    ["a\r\n.\nrest", { content: "a\r\n", end: { rest: "rest" } }],
    [".\r\n", { content: "", end: { rest: "" } }],
    ["a\r\n.b\r\n.\r\n", { content: "a\r\n.b\r\n", end: { rest: "" } }],
    ["a\r\n.\rb\r\n.\r\n", { content: "a\r\n.\rb\r\n", end: { rest: "" } }],
    ["a\r\n.", { content: "a\r\n", end: "open", endsHere: false }],
    ["a\r\nb\n.\r\n", { content: "a\r\nb\n", end: "open", endsHere: true }],
    ["a\r\nb\n.\r\nc\r\n.\r\n", { content: "a\r\nb\n.\r\nc\r\n", end: { rest: "" } }],
    ["a\r\nb.\r\n", { content: "a\r\nb.\r\n", end: "open", endsHere: false }],
  ])("%j", (text, expected) => {
    expect(once(text)).toMatchObject(expected);
  });

  it("does not choose between content and end when either may be meant", () => {
    expect(once("a\r\nb\n.\r\n+OK\r\n", undefined, true)).toMatchObject({ content: "a\r\nb\n", end: "ambiguous" });
    expect(once("a\r\nb\n.\r\n-ERR\r\n", undefined, true).end).toBe("ambiguous");
    expect(once("a\r\nb\n.\r\nc\r\n.\r\n+OK", undefined, true)).toMatchObject({ content: "a\r\nb\n.\r\nc\r\n" });
  });

  it("takes the announced size where the octets leave it open", () => {
    expect(once("a\r\nb\n.\r\n", 5)).toMatchObject({ content: "a\r\nb\n", end: { rest: "" } });
    expect(once("a\r\nb.\r\n", 4)).toMatchObject({ content: "a\r\nb", end: "open", endsHere: true });
    expect(once("a\r\nb.\r\n+OK", 4, true)).toMatchObject({ content: "a\r\nb", end: { rest: "+OK" } });
    expect(once("a\r\nb.\r\n+OK\r\n.\r\n", 4)).toMatchObject({ content: "a\r\nb.\r\n+OK\r\n", end: { rest: "" } });
  });

  it("settles a doubt by what the next packet brings", () => {
    const wire = (...pieces: readonly string[]): Buffer[] => pieces.map((piece) => Buffer.from(piece, "latin1"));
    // The end of the announced octets, without the CRLF before the dot.
    expect(decode(wire("a\r\nb.\r\n", "+OK"), 4, true)).toMatchObject({ content: "a\r\nb", end: { rest: "+OK" } });
    expect(decode(wire("a\r\nb\n.\r\n", "+OK"), undefined, true).end).toBe("ambiguous");
    expect(decode(wire("a\r\nb\n.\n", "+OK"), undefined, true).end).toBe("ambiguous");
    // Nothing else is expected: what looks like a reply is text.
    expect(decode(wire("a\r\nb\n.\r\n", "+OK\r\n.\r\n"))).toMatchObject({
      content: "a\r\nb\n.\r\n+OK\r\n",
      end: { rest: "" },
    });
    // A packet of nothing settles nothing.
    expect(decode(wire("a\r\nb\n.\r\n", ""))).toMatchObject({ content: "a\r\nb\n", end: "open", endsHere: true });
  });

  it("passes a large packet on as one slice, not a copy", () => {
    const packet = Buffer.from("line of text\r\n".repeat(4000));
    const slices: Buffer[] = [];
    new MultilineDecoder((slice) => slices.push(slice)).push(packet, false);
    expect(slices).toHaveLength(1);
    expect(slices[0]?.buffer).toBe(packet.buffer);
  });

  it("makes one slice of a packet full of dots, in its place", () => {
    const packet = Buffer.from("..x\r\n".repeat(10_000));
    const slices: Buffer[] = [];
    new MultilineDecoder((slice) => slices.push(slice)).push(packet, false);
    expect(slices).toHaveLength(1);
    expect(slices[0]?.toString()).toBe(".x\r\n".repeat(10_000));
    expect(slices[0]?.buffer).toBe(packet.buffer);
  });
});
