/** The stream of events, in whatever pieces it comes. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { SseReader } from "../../web/sse.ts";

const stream = `: popgate\n\nevent: held\ndata: {"at":1}\n\n:\n\ndata: a\r\ndata:b\r\n\r\nevent: empty\n\nevent: last\ndata: ü\n\n`;
const events = [
  { kind: "held", data: `{"at":1}` },
  { kind: "message", data: "a\nb" },
  { kind: "last", data: "ü" },
];

test("is the same however it is cut", () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: stream.length }), { maxLength: 20 }), (places) => {
      const cuts = [0, ...places.toSorted((a, b) => a - b), stream.length];
      const reader = new SseReader();
      const read = cuts.slice(1).flatMap((end, index) => reader.push(stream.slice(cuts[index], end)));
      expect(read).toEqual(events);
    }),
  );
});

test("an event that is too long is dropped, and what follows it is read", () => {
  const reader = new SseReader();
  const line = `data: ${"x".repeat(100_000)}\n`;
  for (let count = 0; count < 5; count += 1) expect(reader.push(line)).toEqual([]);
  expect(reader.push("\nevent: next\ndata: 1\n\n")).toEqual([{ kind: "next", data: "1" }]);
});

test("a line without an end does not grow without end", () => {
  const reader = new SseReader();
  for (let count = 0; count < 20; count += 1) expect(reader.push("x".repeat(100_000))).toEqual([]);
  reader.push("\n\n");
  expect(reader.push("data: 1\n\n")).toEqual([{ kind: "message", data: "1" }]);
});
