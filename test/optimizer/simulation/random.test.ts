import { expect, test } from "vitest";
import { exponential, geometric, seededRandom } from "../../../optimizer/simulation/random.ts";

function samples(draw: (random: () => number) => number): number[] {
  const random = seededRandom(1, "samples");
  return Array.from({ length: 100_000 }, () => draw(random));
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

test("geometric samples are whole, at least 1, and have the mean and the shares of their distribution", () => {
  const values = samples((random) => geometric(random, 4));
  expect(values.every((value) => Number.isSafeInteger(value) && value >= 1)).toBe(true);
  expect(Math.abs(meanOf(values) - 4)).toBeLessThan(0.05);
  // A quarter ends with each token: 1/4 have one, 3/16 have two.
  const share = (tokens: number): number => values.filter((value) => value === tokens).length / values.length;
  expect(Math.abs(share(1) - 1 / 4)).toBeLessThan(0.005);
  expect(Math.abs(share(2) - 3 / 16)).toBeLessThan(0.005);
});

test("a geometric mean of 1 has no other value, whatever the random number", () => {
  for (const number of [0, 0.5, 1 - 2 ** -32]) expect(geometric(() => number, 1)).toBe(1);
  expect(geometric(() => 0, 256)).toBe(1);
});

test("exponential samples are finite and have the mean and the median of their distribution", () => {
  const values = samples((random) => exponential(random, 10));
  expect(Math.abs(meanOf(values) - 10)).toBeLessThan(0.2);
  const above = values.filter((value) => value > 10 * Math.LN2).length / values.length;
  expect(Math.abs(above - 0.5)).toBeLessThan(0.01);
  expect(exponential(() => 1 - 2 ** -32, 10)).toBeLessThan(Number.POSITIVE_INFINITY);
});
