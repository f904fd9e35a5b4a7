import type { Assignment, AssignmentProblem } from "./assignment-problem.ts";
import { compileProblem, toAssignment } from "./compiled-problem.ts";
import type { CompiledProblem } from "./compiled-problem.ts";
import { Incumbent } from "./incumbent.ts";
import { regretGreedy } from "./regret-greedy.ts";
import { searchByStages } from "./stage-search.ts";

/** Evaluations of the bound for each stage: enough for prices that lead to good answers. */
const priceEvaluations = 60;

/**
 * A good assignment at once: Inferno's greedy one, improved by what capacity is worth. It is never below the greedy
 * one, and nothing says how far it is from the best.
 *
 * @param secondsLeft time in s for what follows the greedy assignment, which even a huge problem gets.
 */
export function solveAssignmentQuickly(
  problem: AssignmentProblem,
  secondsLeft: () => number = () => Number.POSITIVE_INFINITY,
): Assignment {
  const compiled = compileProblem(problem);
  return toAssignment(compiled, quickSearch(compiled, secondsLeft));
}

/** The same on a compiled problem, as options of it. */
export function quickSearch(problem: CompiledProblem, secondsLeft: () => number): Int32Array {
  const incumbent = new Incumbent(problem, regretGreedy(problem));
  incumbent.offer(incumbent.chosen);
  searchByStages(problem, incumbent, { priceEvaluations, secondsLeft });
  return incumbent.chosen;
}
