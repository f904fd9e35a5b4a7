import { certain } from "../certain.ts";
import type { CompiledProblem } from "./compiled-problem.ts";

/** Whether the option fits where nothing else is served. */
export function isUsable(problem: CompiledProblem, option: number): boolean {
  for (let use = certain(problem.useStart[option]); use < certain(problem.useStart[option + 1]); use++) {
    if (certain(problem.useUnits[use]) > certain(problem.capacity[certain(problem.useType[use])]))
      return false;
  }
  return true;
}

/** Whether option `a` takes no more than `b` of any type. Uses stand by type. */
export function usesNoMore(problem: CompiledProblem, a: number, b: number): boolean {
  const { useStart, useType, useUnits } = problem;
  let other = certain(useStart[b]);
  const otherEnd = certain(useStart[b + 1]);
  for (let use = certain(useStart[a]); use < certain(useStart[a + 1]); use++) {
    while (other < otherEnd && certain(useType[other]) < certain(useType[use])) other++;
    if (other === otherEnd || useType[other] !== useType[use]) return false;
    if (certain(useUnits[use]) > certain(useUnits[other])) return false;
  }
  return true;
}
