import type { SizingProblem } from "../problem.ts";
import type { GroupDemand } from "../workload.ts";
import { candidatesOf } from "./candidates.ts";
import type { GroupCandidates } from "./candidates.ts";

export type { SizingProblem } from "../problem.ts";

export type SizesOf = (group: GroupDemand, problem: SizingProblem) => GroupCandidates;

/**
 * Sizes that are remembered: for problems that differ in their limits and groups only, not in accelerators and nodes.
 * Groups are the same where all their data is; groups of one id ask for the same resources.
 */
export function sizesOnce(): SizesOf {
  const known = new Map<string, GroupCandidates>();
  return (group, problem) => {
    const key = JSON.stringify(group);
    const remembered = known.get(key);
    if (remembered) return remembered;
    const sizes = candidatesOf(group, problem);
    known.set(key, sizes);
    return sizes;
  };
}
