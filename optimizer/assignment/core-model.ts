import { certain } from "../certain.ts";
import { unserved } from "./assignment-problem.ts";
import type { CompiledProblem } from "./compiled-problem.ts";
import { Ledger } from "./ledger.ts";
import type { Mip } from "./mip.ts";
import { mustServe } from "./stage.ts";
import type { Stage } from "./stage.ts";

/** Which choices of a stage are still open. */
export interface OpenChoices {
  /** 1 for each column that may be taken. */
  readonly column: Uint8Array;
  /** 1 for each group that may take none. */
  readonly none: Uint8Array;
}

/** What is left to decide of a stage once groups with a single choice have taken it. */
export interface CoreModel {
  readonly mip: Mip;
  /** Cost of the choices that are fixed. */
  readonly fixedCost: number;
  /** The options that a solution stands for: one for each server of the problem. */
  toChosen(solution: Float64Array): Int32Array;
  /** The solution that stands for these options; undefined where one of them is not open. */
  toSolution(chosen: Int32Array): Float64Array | undefined;
}

/** Undefined where the fixed choices alone exceed a capacity. */
export function buildCoreModel(
  problem: CompiledProblem,
  stage: Stage,
  open: OpenChoices,
): CoreModel | undefined {
  const fixed = new Ledger(problem);
  let fixedCost = 0;
  const quotaLeft = Float64Array.from(stage.quota);
  const groups: { readonly group: number; readonly columns: readonly number[] }[] = [];
  for (let group = 0; group < stage.groupCount; group++) {
    const columns = openColumns(stage, open, group);
    const only = columns[0];
    if (only === undefined) continue;
    if (columns.length > 1 || open.none[group] === 1) {
      groups.push({ group, columns });
      continue;
    }
    fixed.give(certain(stage.server[group]), certain(stage.option[only]));
    fixedCost += certain(stage.cost[only]);
    const duty = certain(stage.duty[group]);
    if (duty >= 0) quotaLeft[duty] = certain(quotaLeft[duty]) - 1;
  }
  if (!fixed.isFeasible) return undefined;

  const columnOf = groups.flatMap(({ columns }) => columns);
  const groupOf = groups.flatMap(({ group, columns }) => columns.map(() => group));
  const variable = new Map(columnOf.map((column, index) => [column, index]));
  const rows = new RowBuilder();
  let first = 0;
  for (const { group, columns } of groups) {
    rows.add(open.none[group] === 1 ? 0 : 1, 1);
    for (let index = 0; index < columns.length; index++) rows.entry(first + index, 1);
    first += columns.length;
  }
  addCapacityRows(rows, problem, stage, fixed.room, columnOf);
  for (let quota = 0; quota < quotaLeft.length; quota++) {
    rows.add(Math.max(certain(quotaLeft[quota]), 0), Number.POSITIVE_INFINITY);
    for (const [index, group] of groupOf.entries()) if (stage.duty[group] === quota) rows.entry(index, 1);
  }
  return {
    mip: rows.toMip(Float64Array.from(columnOf, (column) => certain(stage.cost[column]))),
    fixedCost,
    toChosen(solution) {
      const chosen = fixed.chosen.slice();
      for (const [index, column] of columnOf.entries()) {
        if (certain(solution[index]) < 0.5) continue;
        chosen[certain(stage.server[certain(groupOf[index])])] = certain(stage.option[column]);
      }
      return chosen;
    },
    toSolution(chosen) {
      const solution = new Float64Array(columnOf.length);
      for (let group = 0; group < stage.groupCount; group++) {
        const option = certain(chosen[certain(stage.server[group])]);
        const columns = openColumns(stage, open, group);
        if (option === unserved && certain(stage.duty[group]) !== mustServe && open.none[group] === 1)
          continue;
        const column = columns.find((one) => stage.option[one] === option);
        if (column === undefined) return undefined;
        const index = variable.get(column);
        if (index !== undefined) solution[index] = 1;
      }
      return solution;
    },
  };
}

function openColumns(stage: Stage, open: OpenChoices, group: number): readonly number[] {
  const columns: number[] = [];
  const end = certain(stage.columnStart[group + 1]);
  for (let column = certain(stage.columnStart[group]); column < end; column++) {
    if (open.column[column] === 1) columns.push(column);
  }
  return columns;
}

/** One row a type that the open columns could exceed; the others bind nothing. */
function addCapacityRows(
  rows: RowBuilder,
  problem: CompiledProblem,
  stage: Stage,
  room: Float64Array,
  columnOf: readonly number[],
): void {
  const entries = Array.from({ length: problem.typeCount }, (): { index: number; units: number }[] => []);
  for (const [index, column] of columnOf.entries()) {
    const option = certain(stage.option[column]);
    for (let use = certain(problem.useStart[option]); use < certain(problem.useStart[option + 1]); use++) {
      certain(entries[certain(problem.useType[use])]).push({ index, units: certain(problem.useUnits[use]) });
    }
  }
  for (const [type, uses] of entries.entries()) {
    const units = Math.max(certain(room[type]), 0);
    if (uses.reduce((sum, use) => sum + use.units, 0) <= units) continue;
    rows.add(Number.NEGATIVE_INFINITY, units);
    for (const { index, units: coefficient } of uses) rows.entry(index, coefficient);
  }
}

/** Every choice open. */
export function allOpen(stage: Stage): OpenChoices {
  return {
    column: new Uint8Array(stage.option.length).fill(1),
    none:
      stage.duty.length === 0
        ? new Uint8Array()
        : Uint8Array.from(stage.duty, (duty) => (duty === mustServe ? 0 : 1)),
  };
}

class RowBuilder {
  readonly #lower: number[] = [];
  readonly #upper: number[] = [];
  readonly #start: number[] = [];
  readonly #index: number[] = [];
  readonly #coefficient: number[] = [];

  add(lower: number, upper: number): void {
    this.#lower.push(lower);
    this.#upper.push(upper);
    this.#start.push(this.#index.length);
  }

  entry(column: number, coefficient: number): void {
    this.#index.push(column);
    this.#coefficient.push(coefficient);
  }

  toMip(columnCost: Float64Array): Mip {
    return {
      columnCost,
      rowLower: Float64Array.from(this.#lower),
      rowUpper: Float64Array.from(this.#upper),
      rowStart: Int32Array.from([...this.#start, this.#index.length]),
      columnIndex: Int32Array.from(this.#index),
      coefficient: Float64Array.from(this.#coefficient),
    };
  }
}
