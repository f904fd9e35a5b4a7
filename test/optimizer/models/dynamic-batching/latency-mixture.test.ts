import { expect, test } from "vitest";
import { LatencyMixture } from "../../../../optimizer/models/dynamic-batching/latency-mixture.ts";

test("quantiles of two uniform parts lie where their shares say", () => {
  const mixture = new LatencyMixture(0, 30, 3_000);
  mixture.add(0, 10, 1);
  mixture.add(10, 20, 3);
  expect(mixture.quantiles([0.125, 0.5, 0.9])).toEqual([
    expect.closeTo(5, 6),
    expect.closeTo(10 + 10 / 3, 6),
    expect.closeTo(10 + 26 / 3, 6),
  ]);
});

test("a part that is taken away again leaves the rest", () => {
  const mixture = new LatencyMixture(0, 20, 2_000);
  mixture.add(0, 20, 2);
  mixture.add(0, 10, -1);
  const [p50 = 0] = mixture.quantiles([0.5]);
  expect(p50).toBeCloseTo(15, 6);
});

test("a step lies within one cell, at the start of the range too", () => {
  const mixture = new LatencyMixture(5, 25, 2_000);
  mixture.add(5, 5, 9);
  mixture.add(15, 15, 1);
  const [p50 = 0, p95 = 0] = mixture.quantiles([0.5, 0.95]);
  expect(Math.abs(p50 - 5)).toBeLessThan(0.01);
  expect(Math.abs(p95 - 15)).toBeLessThan(0.01);
});

test("what lies beyond the range counts as its end", () => {
  const mixture = new LatencyMixture(0, 10, 100);
  mixture.add(0, 1, 1);
  mixture.add(50, 60, 1);
  expect(mixture.quantiles([0.25, 0.99])).toEqual([expect.closeTo(0.5, 6), expect.closeTo(10, 0)]);
});
