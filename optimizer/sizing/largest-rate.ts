import { certain } from "../certain.ts";
import type { ReplicaAnalysis, ReplicaModel } from "../models/replica-model.ts";
import { findRoot } from "./find-root.ts";
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

/** Whether a replica may be planned for the rate: it is no higher than planned for, and no target breaks. */
export function holdsAt(model: ReplicaModel, targets: readonly SloTarget[], requestsPerMs: number): boolean {
  if (requestsPerMs > highestPlannedPerMs(model, targets)) return false;
  return brokenTargets(targets, model.at(requestsPerMs).predictions).length === 0;
}

/** The rate is found to this relative precision: far below what profiles are known to. */
const precision = 1e-4;

/**
 * Every predicted time grows with the arrival rate, so the targets hold together up to one rate. A batch of 1 needs no
 * special case: where a time does not depend on the rate, its target holds at both ends or at neither.
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
  const excessAt = (requestsPerMs: number): number => {
    const { target, excess } = worstExcess(targets, model.at(requestsPerMs));
    if (excess > 0) binding = target;
    return excess;
  };
  const excessAlone = worstExcess(targets, alone).excess;
  const requestsPerMs = findRoot(excessAt, 0, highest, excessAlone, atHighest.excess, precision);
  return { feasible: true, requestsPerMs, binding };
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
