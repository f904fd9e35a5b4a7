import { certain } from "../certain.ts";
import { analyze, highestArrivalsPerMs, lowestArrivalsPerMs } from "../models/inferno.ts";
import type { InfernoReplica } from "../models/inferno.ts";
import { brokenTargets, reachedMs } from "./slo-targets.ts";
import type { SloTarget } from "./slo-targets.ts";

/** The largest load of one replica at which every target holds, or why there is none. */
export type LargestRate =
  | {
      readonly feasible: true;
      /** Requests a ms that are served at that load. */
      readonly throughputPerMs: number;
      /** The target that would break at any higher load; absent where saturation comes first. */
      readonly binding?: SloTarget;
    }
  | {
      readonly feasible: false;
      /** What breaks even at the lowest load, with the times reached there in ms. */
      readonly broken: readonly { readonly target: SloTarget; readonly reachedMs: number }[];
    };

/**
 * Share of the highest rate that is planned for where no target limits waiting: nothing else would keep the queue
 * short. Inferno's stability fraction for servers with a throughput target only.
 */
const unlimitedWaitingFraction = 0.9;

/** Highest arrival rate of one replica that is planned for, were no target to break before. */
export function highestPlannedPerMs(replica: InfernoReplica, targets: readonly SloTarget[]): number {
  const limitsWaiting = targets.some(({ name }) => name !== "itlMean" && name !== "itlP95");
  return (limitsWaiting ? 1 : unlimitedWaitingFraction) * highestArrivalsPerMs(replica);
}

/** The rate is found to this relative precision: far below what profiles are known to. */
const precision = 1e-9;

/**
 * Every predicted time grows with the arrival rate, so the targets hold together up to one rate, found by bisection
 * between the lowest and the highest rate that are sized for. A batch of 1 needs no special case: where a time does
 * not depend on the rate, its target holds at both ends or at neither.
 */
export function largestRate(replica: InfernoReplica, targets: readonly SloTarget[]): LargestRate {
  let low = lowestArrivalsPerMs(replica);
  const atLowest = analyze(replica, low);
  const broken = brokenTargets(targets, atLowest.predictions);
  if (broken.length > 0) {
    const reached = broken.map((target) => ({ target, reachedMs: reachedMs(target, atLowest.predictions) }));
    return { feasible: false, broken: reached };
  }

  let high = Math.max(highestPlannedPerMs(replica, targets), low);
  const atHighest = analyze(replica, high);
  let firstBroken = brokenTargets(targets, atHighest.predictions);
  if (firstBroken.length === 0) return { feasible: true, throughputPerMs: atHighest.throughputPerMs };

  let throughputPerMs = atLowest.throughputPerMs;
  // Only targets that break at the upper end can be the first to break below it.
  while (high - low > precision * high) {
    const middle = (low + high) / 2;
    const atMiddle = analyze(replica, middle);
    const brokenAtMiddle = brokenTargets(firstBroken, atMiddle.predictions);
    if (brokenAtMiddle.length > 0) {
      high = middle;
      firstBroken = brokenAtMiddle;
    } else {
      low = middle;
      throughputPerMs = atMiddle.throughputPerMs;
    }
  }
  return { feasible: true, throughputPerMs, binding: certain(firstBroken[0]) };
}
