import { certain } from "../certain.ts";
import { cohortsOf, servableByLevel } from "./cohorts.ts";
import type { CompiledProblem } from "./compiled-problem.ts";
import { searchCores } from "./core-search.ts";
import { excessCosts } from "./excess-costs.ts";
import type { Incumbent } from "./incumbent.ts";
import type { MipSolver } from "./mip.ts";
import { roundToCounts } from "./price-rounding.ts";
import { bestPrices } from "./prices.ts";
import { chosenFrom, costOf, countsOf } from "./stage-counts.ts";
import { StageBuilder } from "./stage.ts";
import type { Stage, StageGoal } from "./stage.ts";

/** What is known about the best assignment there can be. */
export interface Bounds {
  /** Most servers of each level that can be served, given that the levels before are served as in the incumbent. */
  readonly served: Int32Array;
  /** Least value with which as many can be served; minus infinity where it is not known. */
  readonly value: number;
}

export interface SearchEffort {
  /** Evaluations of the bound for each stage's prices. */
  readonly priceEvaluations: number;
  /** Proves what the prices leave open; without it, answers stay as good as the prices make them. */
  readonly solve?: MipSolver;
  /** Time left in s; the search ends when there is none. */
  readonly secondsLeft: () => number;
  readonly onBounds?: (bounds: Bounds) => void;
}

/** Rounding of a count's bound. */
const countRounding = 1e-6;

/**
 * Improves the incumbent level by level, and then in value at the counts reached. Each stage has its prices, which
 * bound what can be reached and lead to answers near it, and a search of what they leave open.
 */
export function searchByStages(problem: CompiledProblem, incumbent: Incumbent, effort: SearchEffort): void {
  const cohorts = cohortsOf(problem);
  const servable = servableByLevel(problem, cohorts);
  const stages = new StageBuilder(problem, cohorts, servable);
  const required = new Int32Array(servable.length);
  const bounds = { served: servable.slice(), value: Number.NEGATIVE_INFINITY };
  const servedGoals: StageGoal[] = [...servable.keys()].map((level) => ({ kind: "served", level }));
  for (const goal of [...servedGoals, { kind: "value" } as const]) {
    if (effort.secondsLeft() <= 0) return;
    const isDone = goal.kind === "served" && incumbent.score.served[goal.level] === servable[goal.level];
    if (!isDone) {
      searchStage(problem, stages.build(goal, required), incumbent, effort, (bound) => {
        if (goal.kind === "value") bounds.value = bound;
        else bounds.served[goal.level] = Math.floor(countRounding - bound);
        effort.onBounds?.(bounds);
      });
    }
    if (goal.kind === "served") required[goal.level] = certain(incumbent.score.served[goal.level]);
  }
}

/** @param onBound called with each higher cost that no answer to the stage is below. */
function searchStage(
  problem: CompiledProblem,
  stage: Stage,
  incumbent: Incumbent,
  effort: SearchEffort,
  onBound: (bound: number) => void,
): void {
  const cost = costOf(stage, countsOf(problem, stage, incumbent.chosen));
  const prices = bestPrices(stage, {
    evaluations: effort.priceEvaluations,
    secondsLeft: effort.secondsLeft,
    ...(stage.isCount ? { enough: cost - 1 + countRounding } : {}),
  });
  onBound(prices.bound);
  const counts = roundToCounts(stage, prices.price, excessCosts(stage, prices.price));
  if (counts) incumbent.offer(chosenFrom(problem, stage, counts));
  if (!effort.solve) return;
  const secondsAtStart = effort.secondsLeft();
  // A stage that is not the last one leaves half of the time to those after it.
  const secondsLeft = stage.isCount
    ? (): number => effort.secondsLeft() - secondsAtStart / 2
    : effort.secondsLeft;
  onBound(searchCores(problem, stage, prices, incumbent, effort.solve, secondsLeft));
}
