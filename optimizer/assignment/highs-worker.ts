import { parentPort, workerData } from "node:worker_threads";

import type { CompiledProblem } from "./compiled-problem.ts";
import { searchExactly } from "./exact-search.ts";
import type { Bounds } from "./exact-search.ts";
import { createHighsSolver } from "./highs-solver.ts";

export interface ExactSearchTask {
  readonly problem: CompiledProblem;
  readonly incumbent: Int32Array;
  readonly timeLimitMs: number;
}

export type ExactSearchMessage =
  | { readonly kind: "incumbent"; readonly chosen: Int32Array }
  | { readonly kind: "bounds"; readonly bounds: Bounds }
  | { readonly kind: "done" };

const endMs = performance.now() + (workerData as ExactSearchTask).timeLimitMs;
const { problem, incumbent } = workerData as ExactSearchTask;
const post = (message: ExactSearchMessage): void => parentPort?.postMessage(message);

searchExactly(problem, incumbent, await createHighsSolver(), () => (endMs - performance.now()) / 1000, {
  onIncumbent: (chosen) => post({ kind: "incumbent", chosen }),
  onBounds: (bounds) => post({ kind: "bounds", bounds }),
});
post({ kind: "done" });
