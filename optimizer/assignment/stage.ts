import { certain } from "../certain.ts";
import type { CompiledProblem } from "./compiled-problem.ts";

/** What one step of the lexicographic search optimises: the servers served of a level, or the value. */
export type StageGoal = { readonly kind: "served"; readonly level: number } | { readonly kind: "value" };

/**
 * One step of the lexicographic search: each group takes one column or, where it may be left out, none; the least
 * total cost wins. A group is a server and a column one of its options. Servers that can change nothing are left out.
 */
export interface Stage {
  readonly groupCount: number;
  /** Server of each group. */
  readonly server: Int32Array;
  /** {@link mustServe}, {@link mayServe}, or the quota to which the group counts. */
  readonly duty: Int32Array;
  /** First column of each group, and the number of columns after the last. */
  readonly columnStart: Int32Array;
  /** Option of each column. */
  readonly option: Int32Array;
  /** Minus one for each server that counts, or the value. */
  readonly cost: Float64Array;
  /** Servers that must be served at least of those that count to each quota. */
  readonly quota: Int32Array;
}

/** Duty of a group that takes one of its columns in every answer. */
export const mustServe = -1;

/** Duty of a group that takes a column only where that lowers the cost. */
export const mayServe = -2;

/** Servers of each level that have an option at all within the capacity. */
export function servableByLevel(problem: CompiledProblem): Int32Array {
  const servable = new Int32Array(problem.levelStart.length - 1);
  for (let server = 0; server < problem.serverCount; server++) {
    const end = certain(problem.optionStart[server + 1]);
    for (let option = certain(problem.optionStart[server]); option < end; option++) {
      if (!isUsable(problem, option)) continue;
      const level = certain(problem.level[server]);
      servable[level] = certain(servable[level]) + 1;
      break;
    }
  }
  return servable;
}

/**
 * @param required servers of each level that must be served. The goal's own level and those below it require none.
 * @param servable as {@link servableByLevel} tells.
 */
export function buildStage(
  problem: CompiledProblem,
  goal: StageGoal,
  required: Int32Array,
  servable: Int32Array,
): Stage {
  const lastLevel = goal.kind === "served" ? goal.level : required.length - 1;
  const server: number[] = [];
  const duty: number[] = [];
  const columnStart: number[] = [0];
  const option: number[] = [];
  const cost: number[] = [];
  const quota: number[] = [];
  for (let level = 0; level <= lastLevel; level++) {
    const needed = certain(required[level]);
    const counts = goal.kind === "served" && goal.level === level;
    if (!counts && needed === 0) continue;
    const levelDuty = counts ? mayServe : needed === servable[level] ? mustServe : quota.push(needed) - 1;
    const end = certain(problem.levelStart[level + 1]);
    for (let one = certain(problem.levelStart[level]); one < end; one++) {
      const before = option.length;
      addColumns(problem, one, goal.kind === "value", option);
      if (option.length === before) continue;
      server.push(one);
      duty.push(levelDuty);
      columnStart.push(option.length);
      for (let column = before; column < option.length; column++) {
        cost.push(goal.kind === "value" ? certain(problem.value[certain(option[column])]) : counts ? -1 : 0);
      }
    }
  }
  return {
    groupCount: server.length,
    server: Int32Array.from(server),
    duty: Int32Array.from(duty),
    columnStart: Int32Array.from(columnStart),
    option: Int32Array.from(option),
    cost: Float64Array.from(cost),
    quota: Int32Array.from(quota),
  };
}

/** Adds the server's options, but for those that another one matches in all that the stage looks at. */
function addColumns(
  problem: CompiledProblem,
  server: number,
  valueMatters: boolean,
  columns: number[],
): void {
  const first = columns.length;
  const end = certain(problem.optionStart[server + 1]);
  for (let option = certain(problem.optionStart[server]); option < end; option++) {
    if (!isUsable(problem, option)) continue;
    let kept = first;
    let isMatched = false;
    for (let at = first; at < columns.length; at++) {
      const other = certain(columns[at]);
      if (!isMatched && usesNoMore(problem, other, option)) isMatched = true;
      // Options come by value, so that a later one replaces an earlier one only where values do not matter.
      const isReplaced = !valueMatters && !isMatched && usesNoMore(problem, option, other);
      if (!isReplaced) columns[kept++] = other;
    }
    columns.length = kept;
    if (!isMatched) columns.push(option);
  }
}

/** Whether the option fits where nothing else is served. */
export function isUsable(problem: CompiledProblem, option: number): boolean {
  for (let use = certain(problem.useStart[option]); use < certain(problem.useStart[option + 1]); use++) {
    if (certain(problem.useUnits[use]) > certain(problem.capacity[certain(problem.useType[use])]))
      return false;
  }
  return true;
}

/** Whether option `a` takes no more than `b` of any type. Uses stand by type. */
function usesNoMore(problem: CompiledProblem, a: number, b: number): boolean {
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
