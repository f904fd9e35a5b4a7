import fc from "fast-check";
import { expect, test } from "vitest";
import { geometricFactors, geometricMiddle } from "../../../platform/frontier/factors.ts";

test("factors are evenly spaced by ratio, with the powers of two among four octaves in 17 steps", () => {
  expect(geometricFactors(0.25, 4, 5)).toEqual([0.25, 0.5, 1, 2, 4]);
  expect(geometricFactors(0.25, 4, 17)).toEqual(expect.arrayContaining([0.25, 0.5, 1, 2, 4]));
});

test("1 is among them even where the range does not hold it", () => {
  expect(geometricFactors(2, 8, 3)).toEqual([1, 2, 4, 8]);
  expect(geometricFactors(0.5, 3, 2)).toEqual([0.5, 1, 3]);
});

test("any range gives ascending factors from one end to the other", () => {
  const bounds = fc.tuple(
    fc.double({ min: 0.01, max: 100, noNaN: true }),
    fc.double({ min: 0.01, max: 100, noNaN: true }),
  );
  fc.assert(
    fc.property(bounds, fc.integer({ min: 2, max: 101 }), ([one, other], steps) => {
      const [from, to] = [Math.min(one, other), Math.max(one, other)];
      fc.pre(to > from * 1.001);
      const factors = geometricFactors(from, to, steps);
      expect(factors).toContain(1);
      expect(factors).toEqual(factors.toSorted((left, right) => left - right));
      expect(new Set(factors).size).toBe(factors.length);
      expect(Math.abs((factors.at(-1) ?? 0) / Math.max(to, 1) - 1)).toBeLessThan(1e-8);
    }),
  );
});

test.each([
  [0, 4, 5],
  [-1, 4, 5],
  [Number.NaN, 4, 5],
  [2, 2, 5],
  [4, 2, 5],
  [1, 1000, 5],
  [1, 4, 1],
  [1, 4, 102],
  [1, 4, 2.5],
])("refuses a range from %d to %d in %d steps", (from, to, steps) => {
  expect(() => geometricFactors(from, to, steps)).toThrow(RangeError);
});

test("the middle of two factors is their geometric mean", () => {
  expect(geometricMiddle(0.5, 2)).toBe(1);
  expect(geometricMiddle(1, 4)).toBe(2);
});
