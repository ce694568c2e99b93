/** The rule by which a soak run says whether something levels off. */
import { describe, expect, it } from "vitest";
import { judged, median, type Rule } from "../../scripts/soak/level.ts";
import { Chance } from "../../scripts/torture/chance.ts";

const level: Rule = { kind: "level", share: 0.1, allowance: 8 };
const history: Rule = { kind: "history", share: 0.5, allowance: 10, most: 1000 };
/** Ten messages between two samples. */
const messages = Array.from({ length: 120 }, (_, at) => at * 10);

function series(value: (at: number) => number): number[] {
  return messages.map((_, at) => value(at));
}

function isLevel(rule: Rule, values: readonly number[]): boolean {
  return judged("x", rule, values, messages).isLevel;
}

describe("a level series", () => {
  it("may warm up, swing and have outliers", () => {
    const chance = new Chance(1);
    expect(
      isLevel(
        level,
        series((at) => (at < 30 ? 100 + at * 10 : 400 + 40 * chance.next())),
      ),
    ).toBe(true);
    expect(
      isLevel(
        level,
        series((at) => (at % 20 === 19 ? 5000 : 400)),
      ),
    ).toBe(true);
    expect(
      isLevel(
        level,
        series((at) => 400 - at),
      ),
    ).toBe(true);
  });

  it("may not go on growing", () => {
    expect(
      isLevel(
        level,
        series((at) => 400 + at * 2),
      ),
    ).toBe(false);
    expect(
      isLevel(
        level,
        series((at) => (at < 90 ? 400 : 500)),
      ),
    ).toBe(false);
  });
});

describe("a series that keeps history", () => {
  it("may grow by as much for each message, and in steps", () => {
    expect(
      isLevel(
        history,
        series((at) => 5000 + at * 5000),
      ),
    ).toBe(true);
    expect(
      isLevel(
        history,
        series(() => 5000),
      ),
    ).toBe(true);
  });

  it("may not grow by more and more, nor by too much", () => {
    expect(
      isLevel(
        history,
        series((at) => at ** 2 * 50),
      ),
    ).toBe(false);
    expect(
      isLevel(
        history,
        series((at) => at * 20_000),
      ),
    ).toBe(false);
  });
});

it("too few samples, or none that could be taken, say nothing, and that is no success", () => {
  expect(judged("x", level, [1, 1, 1], [1, 2, 3])).toEqual({ name: "x", isLevel: false, words: "only 3 samples" });
  expect(
    isLevel(
      level,
      series(() => Number.NaN),
    ),
  ).toBe(false);
  expect(
    judged(
      "x",
      history,
      series((at) => at),
      series(() => 7),
    ).isLevel,
  ).toBe(false);
});

it("the median of an even number is one of its values", () => {
  expect(median([4, 1, 3, 2])).toBe(3);
});
