import { findRoot } from "../sizing/find-root.ts";
import type { ModelTarget } from "./inferno-system.ts";
import type { RateModel } from "./rate-model.ts";

/** What keeps a replica from taking more load. */
export type BindingTarget = "itl" | "ttft" | "throughput" | "saturation";

/** The most that one replica can take while its targets hold, or which target cannot hold at any load. */
export type LargestRate =
  | {
      readonly feasible: true;
      readonly arrivalsPerMs: number;
      /** Requests a ms that are served at that load. */
      readonly throughputPerMs: number;
      readonly binding: BindingTarget;
    }
  | { readonly feasible: false; readonly broken: "itl" | "ttft"; readonly reachedMs: number };

/** Share of the highest rate that a server with a throughput target is planned for: the peer's stability margin. */
const throughputFraction = 0.9;

/**
 * Every time rises with the arrival rate, so that all targets hold up to one rate. It is the root of the largest of
 * 1 - target/time: near saturation, where times grow like 1/(saturation - rate), this is almost a straight line.
 */
export function largestRate(
  model: RateModel,
  targets: Pick<ModelTarget, "itlMs" | "ttftMs" | "tokensPerSecond">,
): LargestRate {
  const forThroughput = targets.tokensPerSecond > 0;
  const limitsWaiting = targets.ttftMs > 0;
  const fraction = Math.min(
    forThroughput ? throughputFraction : 1,
    limitsWaiting ? 1 : model.unlimitedWaitingFraction,
  );
  const highest = fraction * model.highestPerMs;
  const excessAt = (arrivalsPerMs: number): number => {
    model.solve(arrivalsPerMs);
    return excess(model, targets);
  };

  const atHighest = excessAt(highest);
  if (!(atHighest > 0)) {
    const binding = forThroughput ? "throughput" : "saturation";
    return { feasible: true, arrivalsPerMs: highest, throughputPerMs: model.throughputPerMs, binding };
  }
  const lowest = model.lowestPerMs;
  const atLowest = excessAt(lowest);
  if (atLowest > 0) {
    const broken = worst(model, targets);
    return { feasible: false, broken, reachedMs: broken === "itl" ? model.itlMs : model.ttftMs };
  }
  const last = findRoot(excessAt, lowest, highest, atLowest, atHighest, model.precision);
  model.solve(last);
  const binding = worst(model, targets);
  const arrivalsPerMs = model.plannedShareOfRate * last;
  if (arrivalsPerMs < last) model.solve(arrivalsPerMs);
  const { throughputPerMs } = model;
  return { feasible: true, arrivalsPerMs, throughputPerMs, binding };
}

type TimeTargets = Pick<ModelTarget, "itlMs" | "ttftMs">;

/** Above 0 where a target is broken. */
function excess(model: RateModel, targets: TimeTargets): number {
  return Math.max(excessOf(model.itlMs, targets.itlMs), excessOf(model.ttftMs, targets.ttftMs));
}

function worst(model: RateModel, targets: TimeTargets): "itl" | "ttft" {
  return excessOf(model.itlMs, targets.itlMs) >= excessOf(model.ttftMs, targets.ttftMs) ? "itl" : "ttft";
}

/** A target of 0 is none; a time of 0 holds any. */
function excessOf(reachedMs: number, targetMs: number): number {
  return targetMs > 0 && reachedMs > 0 ? 1 - targetMs / reachedMs : -1;
}
