import { describe, expect, test } from "vitest";
import {
  mixturePercentiles,
  type TimeComponent,
} from "../../../../optimizer/models/continuous-batching/percentiles.ts";

const exponential: TimeComponent = { weight: 1, leastMs: 5, restMs: 10, restVariance: 100, shape: "gamma" };
const even: TimeComponent = { weight: 1, leastMs: 20, restMs: 6, restVariance: 12, shape: "even" };

describe("percentiles of a mixture", () => {
  test("of an exponential time are its logarithms, within two percent", () => {
    const [p50 = 0, p95 = 0, p99 = 0] = mixturePercentiles([exponential], [0.5, 0.95, 0.99]);
    expect(Math.abs(p50 / (5 + 10 * Math.log(2)) - 1)).toBeLessThan(0.02);
    expect(Math.abs(p95 / (5 + 10 * Math.log(20)) - 1)).toBeLessThan(0.02);
    expect(Math.abs(p99 / (5 + 10 * Math.log(100)) - 1)).toBeLessThan(0.02);
  });

  test("of an even time are along its range", () => {
    // From 20 to 32.
    const [p25 = 0, p50 = 0] = mixturePercentiles([even], [0.25, 0.5]);
    expect(p25).toBeCloseTo(23, 3);
    expect(p50).toBeCloseTo(26, 3);
  });

  test("weigh components, whatever the sum of the weights", () => {
    const [p50 = 0] = mixturePercentiles(
      [
        { ...even, weight: 3 },
        { ...even, weight: 1, leastMs: 1_020 },
      ],
      [0.5],
    );
    // Two thirds of the three quarters that are not a second late.
    expect(p50).toBeCloseTo(28, 3);
  });

  test("are 0 where there is nothing", () => {
    expect(mixturePercentiles([{ ...even, weight: 0 }], [0.5, 0.99])).toEqual([0, 0]);
  });
});
