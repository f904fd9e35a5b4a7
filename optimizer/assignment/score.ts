import { certain } from "../certain.ts";
import { unserved } from "./assignment-problem.ts";
import type { CompiledProblem } from "./compiled-problem.ts";

/** What an assignment is judged by: servers served of each level in turn, then the least value. */
export interface Score {
  /** Servers served of each level, most important first. */
  readonly served: Int32Array;
  /** Sum over the servers that are served. */
  readonly value: number;
}

export function scoreOf(problem: CompiledProblem, chosen: Int32Array): Score {
  const served = new Int32Array(problem.levelStart.length - 1);
  let value = 0;
  for (let server = 0; server < problem.serverCount; server++) {
    const option = certain(chosen[server]);
    if (option === unserved) continue;
    const level = certain(problem.level[server]);
    served[level] = certain(served[level]) + 1;
    value += certain(problem.value[option]);
  }
  return { served, value };
}

/** Negative where `a` is the better one. */
export function compareScores(a: Score, b: Score): number {
  return compareServed(a.served, b.served) || a.value - b.value;
}

/** Negative where `a` serves more of the first level in which they differ. */
export function compareServed(a: Int32Array, b: Int32Array): number {
  for (let level = 0; level < a.length; level++) {
    const difference = certain(b[level]) - certain(a[level]);
    if (difference !== 0) return difference;
  }
  return 0;
}
