import { parentPort, workerData } from "node:worker_threads";

import type { CompiledProblem } from "./compiled-problem.ts";
import { createHighsSolver } from "./highs-solver.ts";
import { Incumbent } from "./incumbent.ts";
import { searchByStages } from "./stage-search.ts";
import type { Bounds } from "./stage-search.ts";

export interface ExactSearchTask {
  readonly problem: CompiledProblem;
  readonly incumbent: Int32Array;
  /** When to end, in ms of the clock that all threads share: `performance.timeOrigin + performance.now()`. */
  readonly endMs: number;
}

export type ExactSearchMessage =
  | { readonly kind: "incumbent"; readonly chosen: Int32Array }
  | { readonly kind: "bounds"; readonly bounds: Bounds }
  | { readonly kind: "done" };

/** Evaluations of the bound at which prices count as the best; a few hundred are the rule. */
const priceEvaluations = 5_000;

const task = workerData as ExactSearchTask;
const post = (message: ExactSearchMessage): void => parentPort?.postMessage(message);
const incumbent = new Incumbent(task.problem, task.incumbent, (chosen) =>
  post({ kind: "incumbent", chosen }),
);

searchByStages(task.problem, incumbent, {
  priceEvaluations,
  solve: await createHighsSolver(),
  secondsLeft: () => (task.endMs - performance.timeOrigin - performance.now()) / 1000,
  onBounds: (bounds) => post({ kind: "bounds", bounds }),
});
post({ kind: "done" });
