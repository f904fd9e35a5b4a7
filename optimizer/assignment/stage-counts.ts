import { certain } from "../certain.ts";
import { unserved } from "./assignment-problem.ts";
import type { CompiledProblem } from "./compiled-problem.ts";
import { usesNoMore } from "./option-uses.ts";
import type { Stage } from "./stage.ts";

/** How many servers of its group take each column: an answer to a stage. */
export type StageCounts = Int32Array;

/** The counts of an assignment of options that fit. */
export function countsOf(problem: CompiledProblem, stage: Stage, chosen: Int32Array): StageCounts {
  const counts = new Int32Array(stage.option.length);
  for (let group = 0; group < stage.groupCount; group++) {
    for (const server of certain(stage.cohorts[group]).servers) {
      const option = certain(chosen[server]);
      if (option === unserved) continue;
      const column = columnFor(problem, stage, group, option - certain(problem.optionStart[server]));
      counts[column] = certain(counts[column]) + 1;
    }
  }
  return counts;
}

/** The column of an option, or of one that is as good in all that the stage looks at. */
function columnFor(problem: CompiledProblem, stage: Stage, group: number, option: number): number {
  const { firstOption } = certain(stage.cohorts[group]);
  const end = certain(stage.columnStart[group + 1]);
  let matching = -1;
  for (let column = certain(stage.columnStart[group]); column < end; column++) {
    const other = certain(stage.option[column]);
    if (other === option) return column;
    const isNoDearer = stage.isCount || other < option;
    if (isNoDearer && usesNoMore(problem, firstOption + other, firstOption + option)) matching = column;
  }
  if (matching < 0) throw new RangeError("assignment: an option that does not fit was chosen");
  return matching;
}

/** Gives the columns to the servers of each group in order; the last ones are left out where there are too few. */
export function chosenFrom(problem: CompiledProblem, stage: Stage, counts: StageCounts): Int32Array {
  const chosen = new Int32Array(problem.serverCount).fill(unserved);
  for (let group = 0; group < stage.groupCount; group++) {
    const { servers } = certain(stage.cohorts[group]);
    let next = 0;
    const end = certain(stage.columnStart[group + 1]);
    for (let column = certain(stage.columnStart[group]); column < end; column++) {
      for (let left = certain(counts[column]); left > 0; left--) {
        const server = certain(servers[next++]);
        chosen[server] = certain(problem.optionStart[server]) + certain(stage.option[column]);
      }
    }
  }
  return chosen;
}

export function costOf(stage: Stage, counts: StageCounts): number {
  let cost = 0;
  for (let column = 0; column < counts.length; column++) {
    if (counts[column] !== 0) cost += certain(counts[column]) * certain(stage.cost[column]);
  }
  return cost;
}
