import { exponential, type Random } from "../../../optimizer/simulation/random.ts";
import type { Clock } from "../engine/clock.ts";

/** Timers hold at most 2^31 - 1 ms; a longer gap is waited for in parts. */
const longestTimerMs = 2 ** 31 - 1;

/**
 * Calls `onArrival` at the times of a Poisson process until the answer is called. The times follow from the random
 * numbers alone: a late timer delays one arrival, not those after it. A rate of 0 has no arrivals.
 */
export function startPoissonArrivals(
  ratePerMinute: number,
  random: Random,
  clock: Clock,
  onArrival: () => void,
): () => void {
  if (!(ratePerMinute > 0)) return () => {};
  const gapMs = (): number => exponential(random, 60_000 / ratePerMinute);
  let nextMs = clock.nowMs() + gapMs();
  let cancel = (): void => {};
  const wait = (): void => {
    cancel = clock.wakeAt(Math.min(nextMs, clock.nowMs() + longestTimerMs), () => {
      const arrived = clock.nowMs() >= nextMs;
      if (arrived) nextMs += gapMs();
      wait();
      if (arrived) onArrival();
    });
  };
  wait();
  return () => cancel();
}
