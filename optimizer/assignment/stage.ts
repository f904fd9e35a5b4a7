import { certain } from "../certain.ts";
import type { Cohort } from "./cohorts.ts";
import type { CompiledProblem } from "./compiled-problem.ts";
import { isUsable, usesNoMore } from "./option-uses.ts";

/** What one step of the lexicographic search optimises: the servers served of a level, or the value. */
export type StageGoal = { readonly kind: "served"; readonly level: number } | { readonly kind: "value" };

/**
 * One step of the lexicographic search: each server of a group takes one of the group's columns or, where it may be
 * left out, none; the least total cost wins. A group is a cohort and a column one of its options. Servers and options
 * that can change nothing are left out.
 */
export interface Stage {
  readonly groupCount: number;
  readonly cohorts: readonly Cohort[];
  /** Servers of each group. */
  readonly size: Int32Array;
  /** {@link mustServe}, {@link mayServe}, or the quota to which the group counts. */
  readonly duty: Int32Array;
  /** First column of each group, and the number of columns after the last. */
  readonly columnStart: Int32Array;
  /** Position of each column's option among those of the cohort. */
  readonly option: Int32Array;
  /** Minus one for each server that counts, or the value. */
  readonly cost: Float64Array;
  /** First use of each column, and the number of uses after the last. */
  readonly useStart: Int32Array;
  readonly useType: Int32Array;
  readonly useUnits: Float64Array;
  /** Units there are of each type. */
  readonly capacity: Float64Array;
  /** Servers that must be served at least of those that count to each quota. */
  readonly quota: Int32Array;
  /** Whether costs are counts, so that every total is a whole number. */
  readonly isCount: boolean;
}

/** Duty of a group whose servers take a column in every answer. */
export const mustServe = -1;

/** Duty of a group whose servers take a column only where that lowers the cost. */
export const mayServe = -2;

/**
 * @param required servers of each level that must be served. The goal's own level and those below it require none.
 * @param servable servers of each level that have an option at all within the capacity.
 */
export function buildStage(
  problem: CompiledProblem,
  cohorts: readonly Cohort[],
  goal: StageGoal,
  required: Int32Array,
  servable: Int32Array,
): Stage {
  const isCount = goal.kind === "served";
  const kept: Cohort[] = [];
  const duty: number[] = [];
  const columnStart: number[] = [0];
  const options: number[] = [];
  const cost: number[] = [];
  const quota: number[] = [];
  const quotaOfLevel = new Map<number, number>();
  for (const cohort of cohorts) {
    const { level } = cohort;
    const counts = isCount && goal.level === level;
    const needed = certain(required[level]);
    if (!counts && (needed === 0 || (isCount && level > goal.level))) continue;
    if (!counts && needed < certain(servable[level]) && !quotaOfLevel.has(level)) {
      quotaOfLevel.set(level, quota.push(needed) - 1);
    }
    kept.push(cohort);
    duty.push(counts ? mayServe : (quotaOfLevel.get(level) ?? mustServe));
    for (const option of undominated(problem, cohort, !isCount)) {
      options.push(option);
      cost.push(isCount ? (counts ? -1 : 0) : certain(problem.value[cohort.firstOption + option]));
    }
    columnStart.push(options.length);
  }
  return {
    groupCount: kept.length,
    cohorts: kept,
    size: Int32Array.from(kept, ({ servers }) => servers.length),
    duty: Int32Array.from(duty),
    columnStart: Int32Array.from(columnStart),
    option: Int32Array.from(options),
    cost: Float64Array.from(cost),
    ...usesOf(problem, kept, columnStart, options),
    capacity: problem.capacity,
    quota: Int32Array.from(quota),
    isCount,
  };
}

function usesOf(
  problem: CompiledProblem,
  cohorts: readonly Cohort[],
  columnStart: readonly number[],
  options: readonly number[],
): Pick<Stage, "useStart" | "useType" | "useUnits"> {
  const useStart: number[] = [0];
  const useType: number[] = [];
  const useUnits: number[] = [];
  for (const [group, { firstOption }] of cohorts.entries()) {
    for (let column = certain(columnStart[group]); column < certain(columnStart[group + 1]); column++) {
      const option = firstOption + certain(options[column]);
      for (let use = certain(problem.useStart[option]); use < certain(problem.useStart[option + 1]); use++) {
        useType.push(certain(problem.useType[use]));
        useUnits.push(certain(problem.useUnits[use]));
      }
      useStart.push(useType.length);
    }
  }
  return {
    useStart: Int32Array.from(useStart),
    useType: Int32Array.from(useType),
    useUnits: Float64Array.from(useUnits),
  };
}

/** The cohort's options that no other one matches in all that the stage looks at. */
function undominated(
  problem: CompiledProblem,
  { firstOption, optionCount }: Cohort,
  valueMatters: boolean,
): readonly number[] {
  const kept: number[] = [];
  for (let option = 0; option < optionCount; option++) {
    if (!isUsable(problem, firstOption + option)) continue;
    if (kept.some((other) => usesNoMore(problem, firstOption + other, firstOption + option))) continue;
    // Options come by value, so that a later one replaces an earlier one only where values do not matter.
    if (!valueMatters) {
      const staying = kept.filter((other) => !usesNoMore(problem, firstOption + option, firstOption + other));
      kept.splice(0, kept.length, ...staying);
    }
    kept.push(option);
  }
  return kept;
}
