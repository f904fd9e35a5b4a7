import fc from "fast-check";
import { expect, test } from "vitest";
import { certain } from "../../../../optimizer/certain.ts";
import { fillPoisson, probabilityOf } from "../../../../optimizer/models/dynamic-batching/poisson.ts";

test("probabilities sum to 1 and have the mean that is expected", () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-9, max: 2_000, noNaN: true }), (mean) => {
      const probabilities = new Float64Array(3_000);
      const { first, last } = fillPoisson(mean, probabilities);
      let sum = 0;
      let moment = 0;
      for (let n = first; n <= last; n++) {
        sum += certain(probabilities[n]);
        moment += n * certain(probabilities[n]);
      }
      expect(sum).toBeCloseTo(1, 9);
      expect(Math.abs(moment - mean)).toBeLessThan(1e-9 * (1 + mean));
    }),
  );
});

test("nothing is expected for certain where the mean is 0", () => {
  const probabilities = new Float64Array(3);
  const band = fillPoisson(0, probabilities);
  expect([0, 1].map((n) => probabilityOf(n, probabilities, band))).toEqual([1, 0]);
});

test("an array too short holds its part, however small it is", () => {
  const probabilities = new Float64Array(3);
  const band = fillPoisson(4, probabilities);
  expect([0, 1, 2, 3].map((n) => probabilityOf(n, probabilities, band))).toEqual([
    expect.closeTo(Math.exp(-4), 12),
    expect.closeTo(4 * Math.exp(-4), 12),
    expect.closeTo(8 * Math.exp(-4), 12),
    0,
  ]);
  expect(probabilityOf(2, probabilities, fillPoisson(1e6, probabilities))).toBe(0);
});
