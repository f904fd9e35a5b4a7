import type { Assignment, AssignmentProblem } from "./assignment-problem.ts";
import { compileProblem, toAssignment } from "./compiled-problem.ts";
import type { CompiledProblem } from "./compiled-problem.ts";
import { Ledger } from "./ledger.ts";
import { improveInPlace } from "./local-search.ts";
import { regretGreedy } from "./regret-greedy.ts";

/** A good assignment at once: never below Inferno's greedy one. */
export function solveAssignmentQuickly(problem: AssignmentProblem): Assignment {
  const compiled = compileProblem(problem);
  return toAssignment(compiled, quickSearch(compiled));
}

/** The same on a compiled problem, as options of it. */
export function quickSearch(problem: CompiledProblem): Int32Array {
  const ledger = new Ledger(problem, regretGreedy(problem));
  improveInPlace(problem, ledger);
  return ledger.chosen;
}
