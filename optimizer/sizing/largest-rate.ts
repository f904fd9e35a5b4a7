import { certain } from "../certain.ts";
import type { ReplicaAnalysis, ReplicaModel } from "../models/replica-model.ts";
import { findRoot } from "./find-root.ts";
import {
  limitedWaitingFraction,
  plannedMs,
  plannedShareOfRate,
  unlimitedWaitingFraction,
} from "./margins.ts";
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

/** Highest arrival rate of one replica that is planned for, were no target to break before. */
export function highestPlannedPerMs(model: ReplicaModel, targets: readonly SloTarget[]): number {
  const limitsWaiting = targets.some(({ name }) => name !== "itlMean" && name !== "itlP95");
  return (limitsWaiting ? limitedWaitingFraction : unlimitedWaitingFraction) * model.saturationPerMs;
}

/** Whether a replica may be planned for the rate: it is no higher than planned for, and no target breaks. */
export function holdsAt(model: ReplicaModel, targets: readonly SloTarget[], requestsPerMs: number): boolean {
  if (requestsPerMs > highestPlannedPerMs(model, targets)) return false;
  const withMargin = plannedTargets(targets, model.alone());
  return brokenTargets(withMargin, model.at(requestsPerMs / plannedShareOfRate).predictions).length === 0;
}

/** The rate is found to this relative precision: far below what profiles are known to. */
const precision = 1e-4;

/**
 * Every predicted time grows with the arrival rate, so the targets hold together up to one rate. A batch of 1 needs no
 * special case: where a time does not depend on the rate, its target holds at both ends or at neither.
 */
export function largestRate(model: ReplicaModel, targets: readonly SloTarget[]): LargestRate {
  const highest = highestPlannedPerMs(model, targets);
  if (targets.length === 0) return { feasible: true, requestsPerMs: highest };
  const alone = model.alone();
  const broken = brokenTargets(targets, alone.predictions);
  if (broken.length > 0) {
    const reached = broken.map((target) => ({ target, reachedMs: reachedMs(target, alone.predictions) }));
    return { feasible: false, broken: reached };
  }
  const withMargin = plannedTargets(targets, alone);
  const atHighest = worstExcess(withMargin, model.at(highest));
  if (atHighest.excess <= 0) return { feasible: true, requestsPerMs: highest };

  let binding = atHighest.target;
  const excessAt = (requestsPerMs: number): number => {
    const { target, excess } = worstExcess(withMargin, model.at(requestsPerMs));
    if (excess > 0) binding = target;
    return excess;
  };
  const excessAlone = worstExcess(withMargin, alone).excess;
  const last = findRoot(excessAt, 0, highest, excessAlone, atHighest.excess, precision);
  return { feasible: true, requestsPerMs: plannedShareOfRate * last, binding };
}

function plannedTargets(targets: readonly SloTarget[], alone: ReplicaAnalysis): readonly SloTarget[] {
  return targets.map((target) => ({
    ...target,
    allowedMs: plannedMs(target, reachedMs(target, alone.predictions)),
  }));
}

/**
 * The target that is broken most or, where all hold, nearest to it. The excess is 1 - target/time: near saturation, where
 * times grow like 1/(saturation - rate), almost a straight line, and 1 where a time has no end.
 */
function worstExcess(targets: readonly SloTarget[], { predictions }: ReplicaAnalysis): Excess {
  let worst: Excess = { target: certain(targets[0]), excess: Number.NEGATIVE_INFINITY };
  for (const target of targets) {
    const excess = 1 - target.allowedMs / reachedMs(target, predictions);
    if (excess > worst.excess) worst = { target, excess };
  }
  return worst;
}

interface Excess {
  readonly target: SloTarget;
  readonly excess: number;
}
