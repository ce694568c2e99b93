/** The geometry of plots. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { barsOf, lineOf, scaleOf, tenStep, timeStep } from "../../web/plot.ts";

const box = { left: 50, top: 10, width: 480, height: 100 };

test.each([
  [0, [0, 1]],
  [1, [0, 1]],
  [3, [0, 1, 2, 3]],
  [7, [0, 2, 4, 6, 8]],
  [1234, [0, 500, 1000, 1500]],
])("up to %i the scale is %j", (max, ticks) => {
  expect(scaleOf(max).ticks).toEqual(ticks);
});

test("a scale of time has the steps of a clock", () => {
  expect(scaleOf(50 * 60_000, timeStep).ticks.map((each) => each / 60_000)).toEqual([0, 15, 30, 45, 60]);
  expect(scaleOf(9 * 86_400_000, timeStep).ticks.map((each) => each / 86_400_000)).toEqual([0, 5, 10]);
});

test("a scale reaches what it is for, with two to six marks", () => {
  fc.assert(
    fc.property(fc.nat({ max: 1_000_000_000 }), fc.constantFrom(tenStep, timeStep), (max, step) => {
      const scale = scaleOf(max, step);
      expect(scale.max).toBeGreaterThanOrEqual(max);
      expect(scale.ticks.at(-1)).toBe(scale.max);
      expect(scale.ticks.length).toBeGreaterThanOrEqual(2);
      expect(scale.ticks.length).toBeLessThanOrEqual(6);
    }),
  );
});

test("bars stay inside, stand on the foot, do not overlap, and whatever is not nothing can be seen", () => {
  const series = fc.array(fc.nat({ max: 100_000 }), { minLength: 48, maxLength: 48 });
  fc.assert(
    fc.property(series, series, (first, second) => {
      const { max } = scaleOf(Math.max(...first, ...second));
      const bars = barsOf([first, second], max, box);
      expect(bars.length).toBe([...first, ...second].filter((value) => value > 0).length);
      const inOrder = bars.toSorted((a, b) => a.x - b.x);
      for (const [index, bar] of inOrder.entries()) {
        expect(bar.x).toBeGreaterThanOrEqual(box.left);
        expect(bar.x + bar.width).toBeLessThanOrEqual(box.left + box.width);
        expect(bar.height).toBeGreaterThanOrEqual(1);
        expect(bar.y).toBeGreaterThanOrEqual(box.top);
        expect(bar.y + bar.height).toBeCloseTo(box.top + box.height);
        const next = inOrder[index + 1];
        if (next !== undefined) expect(bar.x + bar.width).toBeLessThanOrEqual(next.x + 1e-9);
      }
    }),
  );
});

test("a line is broken where nothing is known", () => {
  const four = { left: 0, top: 0, width: 40, height: 10 };
  expect(lineOf([0, 5, undefined, 10], 10, four)).toBe("M4 10L5 10L15 5M34 0L35 0");
  expect(lineOf([undefined, undefined], 10, four)).toBe("");
});
