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

/** Lays out the stages of a problem. */
export class StageBuilder {
  readonly #problem: CompiledProblem;
  readonly #cohorts: readonly Cohort[];
  readonly #servable: Int32Array;
  /** Options of each cohort that a stage of values, or one of counts, looks at; found when they are first needed. */
  readonly #columns = new Map<boolean, readonly (readonly number[])[]>();

  /** @param servable servers of each level that the cohorts have. */
  constructor(problem: CompiledProblem, cohorts: readonly Cohort[], servable: Int32Array) {
    this.#problem = problem;
    this.#cohorts = cohorts;
    this.#servable = servable;
  }

  /** @param required servers of each level that must be served; the goal's own level and those below require none. */
  build(goal: StageGoal, required: Int32Array): Stage {
    const isCount = goal.kind === "served";
    const quotaOfLevel = new Map<number, number>();
    const quota: number[] = [];
    const kept: number[] = [];
    const duty: number[] = [];
    for (const [index, { level }] of this.#cohorts.entries()) {
      const counts = isCount && goal.level === level;
      const needed = certain(required[level]);
      if (!counts && (needed === 0 || (isCount && level > goal.level))) continue;
      if (!counts && needed < certain(this.#servable[level]) && !quotaOfLevel.has(level)) {
        quotaOfLevel.set(level, quota.push(needed) - 1);
      }
      kept.push(index);
      duty.push(counts ? mayServe : (quotaOfLevel.get(level) ?? mustServe));
    }
    const cohorts = kept.map((index) => certain(this.#cohorts[index]));
    return {
      groupCount: kept.length,
      cohorts,
      size: Int32Array.from(cohorts, ({ servers }) => servers.length),
      duty: Int32Array.from(duty),
      ...this.#layOut(kept, duty, isCount),
      capacity: this.#problem.capacity,
      quota: Int32Array.from(quota),
      isCount,
    };
  }

  #layOut(
    kept: readonly number[],
    duty: readonly number[],
    isCount: boolean,
  ): Pick<Stage, "columnStart" | "option" | "cost" | "useStart" | "useType" | "useUnits"> {
    const problem = this.#problem;
    const columns = this.#columnsOf(isCount);
    const columnStart = new Int32Array(kept.length + 1);
    const option: number[] = [];
    const cost: number[] = [];
    const useStart: number[] = [0];
    const useType: number[] = [];
    const useUnits: number[] = [];
    for (let group = 0; group < kept.length; group++) {
      const index = certain(kept[group]);
      const { firstOption } = certain(this.#cohorts[index]);
      for (const position of certain(columns[index])) {
        const at = firstOption + position;
        option.push(position);
        cost.push(isCount ? (duty[group] === mayServe ? -1 : 0) : certain(problem.value[at]));
        const end = certain(problem.useStart[at + 1]);
        for (let use = certain(problem.useStart[at]); use < end; use++) {
          useType.push(certain(problem.useType[use]));
          useUnits.push(certain(problem.useUnits[use]));
        }
        useStart.push(useType.length);
      }
      columnStart[group + 1] = option.length;
    }
    return {
      columnStart,
      option: Int32Array.from(option),
      cost: Float64Array.from(cost),
      useStart: Int32Array.from(useStart),
      useType: Int32Array.from(useType),
      useUnits: Float64Array.from(useUnits),
    };
  }

  #columnsOf(isCount: boolean): readonly (readonly number[])[] {
    const known = this.#columns.get(isCount);
    if (known) return known;
    const found = this.#cohorts.map((cohort) => undominated(this.#problem, cohort, !isCount));
    this.#columns.set(isCount, found);
    return found;
  }
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
