import { extname } from "node:path";
import { Worker } from "node:worker_threads";

import { certain } from "../certain.ts";
import { unserved } from "./assignment-problem.ts";
import type { Assignment, AssignmentProblem } from "./assignment-problem.ts";
import { compileProblem, toAssignment } from "./compiled-problem.ts";
import type { CompiledProblem } from "./compiled-problem.ts";
import type { ExactSearchMessage, ExactSearchTask } from "./highs-worker.ts";
import { Incumbent } from "./incumbent.ts";
import { isUsable } from "./option-uses.ts";
import { improveQuickly } from "./quick.ts";
import { regretGreedy } from "./regret-greedy.ts";
import { compareServed } from "./score.ts";
import type { Bounds } from "./stage-search.ts";

export interface SolveLimits {
  /** Time after which the best assignment so far is the answer. 0 gives the quick one. */
  readonly timeLimitMs: number;
  /** Ends the search as the time limit does. */
  readonly signal?: AbortSignal;
  /** Called with each better assignment as it is found, the first at once. */
  readonly onIncumbent?: (assignment: Assignment) => void;
}

export interface AssignmentProof {
  /**
   * `optimal`: no assignment is better. `trivial`: the same, since every server has its best option. `feasible`: the
   * best found in the time.
   */
  readonly status: "optimal" | "feasible" | "trivial";
  /**
   * 0 where it is proven. Otherwise how far the answer can be from the best at most: where the counts are proven, the
   * share of the value, related to the sum of the values' magnitudes, since values of both signs may cancel out; where
   * they are not, the share of servers that could be served in addition in the first level that is not proven.
   */
  readonly gap: number;
  /** Whether no assignment serves more servers of a more important priority. */
  readonly isServedProven: boolean;
}

export interface AssignmentAnswer {
  readonly assignment: Assignment;
  readonly proof: AssignmentProof;
  readonly elapsedMs: number;
  /** What ended the search before its time, as text; the answer is the best until then. */
  readonly failure?: string;
}

/** Beside this file, as source or compiled. */
const workerFile = new URL(`./highs-worker${extname(import.meta.url)}`, import.meta.url);

/** Options up to which the first answers are improved on this thread: more would block it for seconds. */
const mostOptionsHere = 200_000;

/** Options up to which that takes some milliseconds, which every time limit includes. */
const fewOptions = 5_000;

/** Share of the time, and at most how much of it in ms, that a search has to end by itself and tell what it knows. */
const endingFraction = 0.05;
const mostEndingMs = 200;

/**
 * The best assignment: most servers of the most important priority, then of the next and so on; then the least value.
 * The same for the same problem where it is proven before the time is over.
 */
export async function solveAssignment(
  problem: AssignmentProblem,
  limits: SolveLimits,
): Promise<AssignmentAnswer> {
  const startedMs = performance.now();
  const timeLeftMs = (): number =>
    limits.signal?.aborted ? 0 : startedMs + limits.timeLimitMs - performance.now();
  const compiled = compileProblem(problem);
  const incumbent = new Incumbent(compiled, regretGreedy(compiled), (chosen) => {
    limits.onIncumbent?.(toAssignment(compiled, chosen));
  });
  limits.onIncumbent?.(toAssignment(compiled, incumbent.chosen));
  let bounds = boundsOfEach(compiled);
  const answer = (proof = proofOf(compiled, incumbent, bounds)): AssignmentAnswer => ({
    assignment: toAssignment(compiled, incumbent.chosen),
    proof,
    elapsedMs: performance.now() - startedMs,
  });
  if (proofOf(compiled, incumbent, bounds).status === "optimal") {
    return answer({ status: "trivial", gap: 0, isServedProven: true });
  }
  const optionCount = compiled.value.length;
  if (optionCount <= mostOptionsHere) {
    improveQuickly(compiled, incumbent, () =>
      optionCount <= fewOptions ? Number.POSITIVE_INFINITY : timeLeftMs() / 1000,
    );
  }
  if (timeLeftMs() <= 0) return answer();
  const failure = await searchInWorker(compiled, incumbent.chosen, timeLeftMs(), limits.signal, (message) => {
    if (message.kind === "incumbent") incumbent.offer(message.chosen);
    else if (message.kind === "bounds") bounds = message.bounds;
  });
  return failure === undefined ? answer() : { ...answer(), failure };
}

/**
 * Resolves when the search is done, the time is over, or it is aborted; then no thread is left. A search that fails, as
 * one that lacks memory, resolves to the reason: there is an answer all the same.
 */
async function searchInWorker(
  problem: CompiledProblem,
  incumbent: Int32Array,
  timeLimitMs: number,
  signal: AbortSignal | undefined,
  onMessage: (message: ExactSearchMessage) => void,
): Promise<string | undefined> {
  const endingMs = Math.min(timeLimitMs * endingFraction, mostEndingMs);
  const task: ExactSearchTask = {
    problem,
    incumbent,
    endMs: performance.timeOrigin + performance.now() + timeLimitMs - endingMs,
  };
  // Options of the caller's process, such as the type of its input, are none of a thread that runs a file.
  const worker = new Worker(workerFile, { workerData: task, execArgv: [] });
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const end = (): void => resolve(undefined);
  const timer = setTimeout(end, timeLimitMs);
  signal?.addEventListener("abort", end);
  worker.on("message", (message: ExactSearchMessage) => {
    if (message.kind === "done") end();
    else onMessage(message);
  });
  worker.once("error", (error) => resolve(String(error)));
  worker.once("exit", end);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", end);
    worker.removeAllListeners("message");
    await worker.terminate();
  }
}

/** The bounds that hold if every server had the capacity for itself. */
function boundsOfEach(problem: CompiledProblem): Bounds {
  const served = new Int32Array(problem.levelStart.length - 1);
  let value = 0;
  for (let server = 0; server < problem.serverCount; server++) {
    const end = certain(problem.optionStart[server + 1]);
    for (let option = certain(problem.optionStart[server]); option < end; option++) {
      if (!isUsable(problem, option)) continue;
      const level = certain(problem.level[server]);
      served[level] = certain(served[level]) + 1;
      value += certain(problem.value[option]);
      break;
    }
  }
  return { served, value };
}

/** Share of the value's magnitude that is rounding. */
const equalFraction = 1e-9;

function proofOf(problem: CompiledProblem, incumbent: Incumbent, bounds: Bounds): AssignmentProof {
  const { served, value } = incumbent.score;
  if (compareServed(served, bounds.served) !== 0) {
    const level = served.findIndex((count, at) => count !== bounds.served[at]);
    const most = certain(bounds.served[level]);
    return { status: "feasible", gap: (most - certain(served[level])) / most, isServedProven: false };
  }
  let magnitude = Math.abs(bounds.value);
  let sum = 0;
  for (const option of incumbent.chosen)
    if (option !== unserved) sum += Math.abs(certain(problem.value[option]));
  magnitude = Math.max(magnitude, sum);
  const gap = magnitude === 0 ? 0 : Math.max(value - bounds.value, 0) / magnitude;
  return gap <= equalFraction
    ? { status: "optimal", gap: 0, isServedProven: true }
    : { status: "feasible", gap, isServedProven: true };
}
