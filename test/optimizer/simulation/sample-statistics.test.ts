import { describe, expect, test } from "vitest";
import { seededRandom } from "../../../optimizer/simulation/random.ts";
import { quantile, timeStatistics } from "../../../optimizer/simulation/sample-statistics.ts";

test("a quantile is the smallest value that its share does not exceed", () => {
  const sorted = Float64Array.from({ length: 20 }, (_, index) => index + 1);
  expect([0, 0.5, 0.95, 0.951, 1].map((share) => quantile(sorted, share))).toEqual([1, 10, 19, 20, 20]);
  expect(quantile(new Float64Array(), 0.5)).toBeNaN();
});

test("statistics do not depend on the order of values, but their half-widths do", () => {
  const values = Array.from({ length: 2_000 }, (_, index) => index % 10);
  const ordered = timeStatistics(values.toSorted((left, right) => left - right));
  const mixed = timeStatistics(values);
  expect(mixed).toMatchObject({ mean: 4.5, p50: 4, p95: 9, p99: 9, meanHalfWidth: 0 });
  expect({ ...ordered, meanHalfWidth: 0, p95HalfWidth: 0 }).toEqual({ ...mixed, p95HalfWidth: 0 });
  expect(ordered.meanHalfWidth).toBeGreaterThan(1);
});

describe("half-widths", () => {
  /** Values that follow each other closely: each is nine tenths of the one before and a new part around 10. */
  function correlated(seed: number): number[] {
    const random = seededRandom(seed, "values");
    let value = 10;
    return Array.from({ length: 20_000 }, () => (value = 0.9 * value + 0.1 * (20 * random())));
  }

  test("cover the true mean about 19 times of 20, although neighbours are alike", () => {
    let covered = 0;
    for (let seed = 0; seed < 200; seed++) {
      const { mean, meanHalfWidth } = timeStatistics(correlated(seed));
      if (Math.abs(mean - 10) <= meanHalfWidth) covered++;
    }
    expect(covered).toBeGreaterThan(178);
    expect(covered).toBeLessThan(200);
  });

  test("are infinite where the values are too few to tell", () => {
    expect(timeStatistics([1, 2, 3])).toMatchObject({ mean: 2, meanHalfWidth: Number.POSITIVE_INFINITY });
    expect(timeStatistics([]).mean).toBeNaN();
  });
});
