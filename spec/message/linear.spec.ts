/**
 * Linear work, by counting: how often the message part's own code runs for an input and for one four times as long.
 * Nothing is timed. (What native code does with a megabyte is seen in `properties.spec.ts`: it must end.)
 */
import { execFileSync } from "node:child_process";
import path from "node:path";
import { expect, test } from "vitest";
import { z } from "zod";

const program = path.join(import.meta.dirname, "count-work.ts");
const printed = execFileSync(process.execPath, ["--no-opt", "--no-maglev", "--no-sparkplug", program], {
  encoding: "utf8",
});
const counts = new Map(
  Object.entries(z.record(z.string(), z.tuple([z.number(), z.number()])).parse(JSON.parse(printed))),
);

test.each([...counts.keys()].filter((name) => name !== "control"))(
  "%s: four times as much, four times the work",
  (name) => {
    const [small, large] = counts.get(name) ?? [0, 0];
    // Below, something would not have been counted, or not have been read.
    expect(large / small).toBeGreaterThan(3);
    expect(large / small).toBeLessThan(5);
  },
);

test("there is something to count, and work that grows faster shows", () => {
  expect(counts.size).toBeGreaterThan(10);
  const [small, large] = counts.get("control") ?? [0, 0];
  expect(large / small).toBeGreaterThan(10);
});
