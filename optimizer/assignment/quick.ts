import type { Assignment, AssignmentProblem } from "./assignment-problem.ts";
import { compileProblem, toAssignment } from "./compiled-problem.ts";
import type { CompiledProblem } from "./compiled-problem.ts";
import { Incumbent } from "./incumbent.ts";
import { regretGreedy } from "./regret-greedy.ts";
import { searchByStages } from "./stage-search.ts";

/** Evaluations of the bound for each stage: enough for prices that lead to good answers. */
const priceEvaluations = 60;

/** A good assignment at once: never below Inferno's greedy one, and not proven to be the best. */
export function solveAssignmentQuickly(problem: AssignmentProblem): Assignment {
  const compiled = compileProblem(problem);
  const incumbent = new Incumbent(compiled, regretGreedy(compiled));
  improveQuickly(compiled, incumbent, () => Number.POSITIVE_INFINITY);
  return toAssignment(compiled, incumbent.chosen);
}

/**
 * Improves the incumbent by moves that fit and by the prices of the stages.
 *
 * @param secondsLeft time left in s; the search ends when there is none.
 */
export function improveQuickly(
  problem: CompiledProblem,
  incumbent: Incumbent,
  secondsLeft: () => number,
): void {
  if (secondsLeft() > 0) incumbent.offer(incumbent.chosen);
  searchByStages(problem, incumbent, { priceEvaluations, secondsLeft });
}
