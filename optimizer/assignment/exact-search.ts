import { certain } from "../certain.ts";
import type { CompiledProblem } from "./compiled-problem.ts";
import { allOpen, buildCoreModel } from "./core-model.ts";
import { Ledger } from "./ledger.ts";
import { improveInPlace } from "./local-search.ts";
import type { MipSolver } from "./mip.ts";
import { compareScores, scoreOf } from "./score.ts";
import type { Score } from "./score.ts";
import { buildStage, servableByLevel } from "./stage.ts";
import type { StageGoal } from "./stage.ts";

/** What is known about the best assignment there can be. */
export interface Bounds {
  /** Most servers of each level that can be served, given that the levels before are served as in the incumbent. */
  readonly served: Int32Array;
  /** Least value with which as many can be served; minus infinity where it is not known. */
  readonly value: number;
}

export interface SearchEvents {
  /** Called with each better assignment, as options of the compiled problem. */
  onIncumbent(chosen: Int32Array): void;
  onBounds(bounds: Bounds): void;
}

/** A count's bound this far below a whole number is that number. */
const countRounding = 1e-6;

/** Counts are whole, so that a bound less than one away proves them. */
const countGap = 0.999;

/** Share of the value up to which a solution counts as the least: what is left of it is rounding. */
const valueGapFraction = 1e-9;

/**
 * Searches for the best assignment level by level, and then for the least value at those counts, until it is proven or
 * the time is over.
 */
export function searchExactly(
  problem: CompiledProblem,
  incumbent: Int32Array,
  solve: MipSolver,
  secondsLeft: () => number,
  events: SearchEvents,
): void {
  const servable = servableByLevel(problem);
  const required = new Int32Array(servable.length);
  const bounds = { served: servable.slice(), value: Number.NEGATIVE_INFINITY };
  let best = incumbent;
  let score: Score = scoreOf(problem, best);
  const adopt = (chosen: Int32Array): void => {
    const ledger = new Ledger(problem, chosen);
    if (!ledger.isFeasible) return;
    improveInPlace(problem, ledger);
    const found = scoreOf(problem, ledger.chosen);
    if (compareScores(found, score) >= 0) return;
    best = ledger.chosen;
    score = found;
    events.onIncumbent(best);
  };
  const goals: StageGoal[] = [...servable.keys()].map((level) => ({ kind: "served", level }));
  for (const goal of [...goals, { kind: "value" } as const]) {
    const isDone = goal.kind === "served" && score.served[goal.level] === servable[goal.level];
    if (!isDone) {
      const stage = buildStage(problem, goal, required, servable);
      const core = buildCoreModel(problem, stage, allOpen(stage));
      if (!core) return;
      const absoluteGap = goal.kind === "served" ? countGap : Math.abs(score.value) * valueGapFraction;
      const seconds = goal.kind === "served" ? secondsLeft() / 2 : secondsLeft();
      const outcome = solve(core.mip, { seconds, absoluteGap }, core.toSolution(best), (solution) =>
        adopt(core.toChosen(solution)),
      );
      if (outcome.solution) adopt(core.toChosen(outcome.solution));
      if (goal.kind === "value") bounds.value = outcome.bound + core.fixedCost;
      else bounds.served[goal.level] = Math.floor(-outcome.bound - core.fixedCost + countRounding);
      events.onBounds(bounds);
    }
    if (goal.kind === "served") required[goal.level] = certain(score.served[goal.level]);
  }
}
