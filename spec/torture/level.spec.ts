/** The rule by which a soak run says whether something levels off. */
import { describe, expect, it } from "vitest";
import { judged, median, type Rule } from "../../scripts/soak/level.ts";
import { Chance } from "../../scripts/torture/chance.ts";

const rule: Rule = { share: 0.1, allowance: 8 };

function isLevel(value: (at: number) => number): boolean {
  const values = Array.from({ length: 120 }, (_, at) => value(at));
  return judged("x", rule, values).isLevel;
}

describe("a series", () => {
  it("may warm up, swing, fall and have outliers", () => {
    const chance = new Chance(1);
    expect(isLevel((at) => (at < 30 ? 100 + at * 10 : 400 + 40 * chance.next()))).toBe(true);
    expect(isLevel((at) => (at % 20 === 19 ? 5000 : 400))).toBe(true);
    expect(isLevel((at) => 400 - at)).toBe(true);
  });

  it("may not go on growing", () => {
    expect(isLevel((at) => 400 + at * 2)).toBe(false);
    expect(isLevel((at) => (at < 90 ? 400 : 500))).toBe(false);
  });
});

it("too few samples, or none that could be taken, say nothing, and that is no success", () => {
  expect(judged("x", rule, [1, 1, 1])).toEqual({ name: "x", isLevel: false, words: "only 3 samples" });
  expect(isLevel(() => Number.NaN)).toBe(false);
});

it("the median of an even number is one of its values", () => {
  expect(median([4, 1, 3, 2])).toBe(3);
});
