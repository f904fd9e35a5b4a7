import { expect, test } from "vitest";
import { seededRandom } from "../../../../optimizer/simulation/random.ts";
import { startPoissonArrivals } from "../../../../services/emulator/load/poisson-arrivals.ts";
import { VirtualClock } from "../virtual-clock.ts";

/** Times in ms of the arrivals within a time. */
function arrivals(ratePerMinute: number, seed: number, stream: string, withinMs: number): number[] {
  const clock = new VirtualClock();
  const times: number[] = [];
  const end = startPoissonArrivals(ratePerMinute, seededRandom(seed, stream), clock, () =>
    times.push(clock.nowMs()),
  );
  clock.advanceTo(withinMs);
  end();
  expect(clock.pending).toBe(0);
  return times;
}

test("arrivals have the rate and the spread of a Poisson process", () => {
  const times = arrivals(600, 1, "a", 1_000_000);
  const gaps = times.map((time, index) => time - (times[index - 1] ?? 0));
  const meanMs = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  const variance = gaps.reduce((sum, gap) => sum + (gap - meanMs) ** 2, 0) / gaps.length;
  // 600 a minute: 100 ms apart, with a standard deviation of 100 ms. 10,000 gaps know both within a few percent.
  expect(Math.abs(meanMs - 100)).toBeLessThan(4);
  expect(Math.abs(Math.sqrt(variance) - 100)).toBeLessThan(6);
});

test("the seed and the stream give the arrival times", () => {
  const first = arrivals(600, 1, "a", 5_000);
  expect(arrivals(600, 1, "a", 5_000)).toEqual(first);
  expect(arrivals(600, 2, "a", 5_000)).not.toEqual(first);
  expect(arrivals(600, 1, "b", 5_000)).not.toEqual(first);
});

test("a rate of 0 has no arrivals, and a gap beyond the longest timer is waited for", () => {
  expect(arrivals(0, 1, "a", 1_000_000)).toEqual([]);
  // One in 200 days: 1.7e10 ms apart, where timers hold 2.1e9.
  const times = arrivals(1 / (200 * 24 * 60), 1, "a", 1e11);
  expect(times.length).toBeGreaterThan(1);
  expect(Math.max(...times)).toBeGreaterThan(2 ** 31);
});
