import { certain } from "../certain.ts";
import type { ReplicaAnalysis, ReplicaModel } from "../models/replica-model.ts";
import { brokenTargets, reachedMs } from "./slo-targets.ts";
import type { SloTarget } from "./slo-targets.ts";

/** The largest load of one replica at which every target holds, or why there is none. */
export type LargestRate =
  | {
      readonly feasible: true;
      readonly requestsPerMs: number;
      /** The target that would break at any higher load; absent where saturation comes first. */
      readonly binding?: SloTarget;
    }
  | {
      readonly feasible: false;
      /** What breaks even for one request alone, with the times reached there in ms. */
      readonly broken: readonly { readonly target: SloTarget; readonly reachedMs: number }[];
    };

/**
 * Share of the saturation rate that is planned for where no target limits waiting: nothing else would keep the queue
 * short. Inferno's stability fraction for servers with a throughput target only.
 */
const unlimitedWaitingFraction = 0.9;

/** Share of the saturation rate beyond which a target that limits waiting is not relied on: times grow without bound. */
const limitedWaitingFraction = 0.98;

/** Highest arrival rate of one replica that is planned for, were no target to break before. */
export function highestPlannedPerMs(model: ReplicaModel, targets: readonly SloTarget[]): number {
  const limitsWaiting = targets.some(({ name }) => name !== "itlMean" && name !== "itlP95");
  return (limitsWaiting ? limitedWaitingFraction : unlimitedWaitingFraction) * model.saturationPerMs;
}

/** The rate is found to this share of the highest one: far below what profiles are known to. */
const precision = 1e-6;

/**
 * Every predicted time grows with the arrival rate, so the targets hold together up to one rate: the root of the worst
 * ratio of a time to its target, on a logarithmic scale. A batch of 1 needs no special case: where a time does not
 * depend on the rate, its target holds at both ends or at neither.
 */
export function largestRate(model: ReplicaModel, targets: readonly SloTarget[]): LargestRate {
  const highest = highestPlannedPerMs(model, targets);
  const [firstTarget] = targets;
  if (firstTarget === undefined) return { feasible: true, requestsPerMs: highest };
  const alone = model.alone();
  const broken = brokenTargets(targets, alone.predictions);
  if (broken.length > 0) {
    const reached = broken.map((target) => ({ target, reachedMs: reachedMs(target, alone.predictions) }));
    return { feasible: false, broken: reached };
  }
  const atHighest = worstExcess(targets, model.at(highest));
  if (atHighest.excess <= 0) return { feasible: true, requestsPerMs: highest };

  let binding = atHighest.target;
  const requestsPerMs = lastHolding(
    { at: 0, excess: worstExcess(targets, alone).excess },
    { at: highest, excess: atHighest.excess },
    (rate) => {
      const { target, excess } = worstExcess(targets, model.at(rate));
      if (excess > 0) binding = target;
      return excess;
    },
  );
  return { feasible: true, requestsPerMs, binding };
}

interface Point {
  readonly at: number;
  /** Above 0 where a target is broken. */
  readonly excess: number;
}

/**
 * The ITP method of Oliveira and Takahashi (ACM TOMS 47, 2020): interpolates like the false position and is never
 * slower than halving, by projecting each guess onto the interval that halving would still be in time from.
 */
function lastHolding(low: Point, high: Point, excessAt: (rate: number) => number): number {
  const start = high.at - low.at;
  const tolerance = precision * high.at;
  const mostSteps = Math.ceil(Math.log2(start / (2 * tolerance))) + 1;
  for (let step = 0; high.at - low.at > 2 * tolerance; step++) {
    const width = high.at - low.at;
    const middle = low.at + width / 2;
    const line = low.at - (low.excess * width) / (high.excess - low.excess);
    const interpolated = Number.isFinite(line) ? line : middle;
    const side = Math.sign(middle - interpolated);
    const nudge = (0.2 * width * width) / start;
    const nudged = nudge <= Math.abs(middle - interpolated) ? interpolated + side * nudge : middle;
    const reach = Math.max(tolerance * 2 ** (mostSteps - step) - width / 2, 0);
    const at = Math.abs(nudged - middle) <= reach ? nudged : middle - side * reach;
    const excess = excessAt(at);
    if (excess > 0) high = { at, excess };
    else low = { at, excess };
  }
  return low.at;
}

/** The target that is broken most or, where all hold, nearest to it; the excess is the logarithm of time over target. */
function worstExcess(targets: readonly SloTarget[], { predictions }: ReplicaAnalysis): Excess {
  let worst: Excess = { target: certain(targets[0]), excess: Number.NEGATIVE_INFINITY };
  for (const target of targets) {
    const excess = Math.log(reachedMs(target, predictions) / target.allowedMs);
    if (excess > worst.excess) worst = { target, excess };
  }
  return worst;
}

interface Excess {
  readonly target: SloTarget;
  readonly excess: number;
}
