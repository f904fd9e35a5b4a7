import type { Assignment, AssignmentProblem } from "../../../optimizer/assignment/assignment-problem.ts";
import { compileProblem, toAssignment } from "../../../optimizer/assignment/compiled-problem.ts";
import { createHighsSolver } from "../../../optimizer/assignment/highs-solver.ts";
import { Incumbent } from "../../../optimizer/assignment/incumbent.ts";
import { regretGreedy } from "../../../optimizer/assignment/regret-greedy.ts";
import { compareServed } from "../../../optimizer/assignment/score.ts";
import { searchByStages } from "../../../optimizer/assignment/stage-search.ts";
import type { Bounds } from "../../../optimizer/assignment/stage-search.ts";

const highs = await createHighsSolver();

export interface SolvedHere {
  readonly assignment: Assignment;
  /** Whether the bounds say that nothing is better. */
  readonly isProven: boolean;
}

/** What the worker does, without the thread: for tests that solve a thousand small problems. */
export function solveHere(problem: AssignmentProblem): SolvedHere {
  const compiled = compileProblem(problem);
  const incumbent = new Incumbent(compiled, regretGreedy(compiled));
  let bounds: Bounds | undefined;
  searchByStages(compiled, incumbent, {
    priceEvaluations: 5_000,
    solve: highs,
    secondsLeft: () => 60,
    onBounds: (found) => {
      bounds = found;
    },
  });
  const { served, value } = incumbent.score;
  return {
    assignment: toAssignment(compiled, incumbent.chosen),
    isProven:
      bounds !== undefined &&
      compareServed(served, bounds.served) === 0 &&
      value - bounds.value <= 1e-9 * Math.max(Math.abs(value), 1),
  };
}
