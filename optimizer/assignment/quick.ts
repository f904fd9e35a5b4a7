import type { Assignment, AssignmentProblem } from "./assignment-problem.ts";
import { compileProblem, toAssignment } from "./compiled-problem.ts";
import type { CompiledProblem } from "./compiled-problem.ts";
import { Incumbent } from "./incumbent.ts";
import { Ledger } from "./ledger.ts";
import { improveInPlace } from "./local-search.ts";
import { regretGreedy } from "./regret-greedy.ts";
import { searchByStages } from "./stage-search.ts";

/** Evaluations of the bound for each stage: enough for prices that lead to good answers. */
const priceEvaluations = 60;

/** A good assignment at once: {@link greedySearch}, improved by what capacity is worth. Not proven to be the best. */
export function solveAssignmentQuickly(problem: AssignmentProblem): Assignment {
  const compiled = compileProblem(problem);
  const unlimited = (): number => Number.POSITIVE_INFINITY;
  return toAssignment(compiled, priceSearch(compiled, greedySearch(compiled, unlimited), unlimited));
}

/**
 * Inferno's greedy assignment, improved by moves that fit: never below it, and the first answer of all.
 *
 * @param secondsLeft time left in s; the moves end when there is none.
 */
export function greedySearch(problem: CompiledProblem, secondsLeft: () => number): Int32Array {
  const ledger = new Ledger(problem, regretGreedy(problem));
  improveInPlace(problem, ledger, secondsLeft);
  return ledger.chosen;
}

/**
 * A better assignment by the prices of the stages, or the same one.
 *
 * @param secondsLeft time left in s; the search ends when there is none.
 */
export function priceSearch(
  problem: CompiledProblem,
  chosen: Int32Array,
  secondsLeft: () => number,
): Int32Array {
  const incumbent = new Incumbent(problem, chosen);
  searchByStages(problem, incumbent, { priceEvaluations, secondsLeft });
  return incumbent.chosen;
}
