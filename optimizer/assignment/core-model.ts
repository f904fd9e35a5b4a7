import { certain } from "../certain.ts";
import type { Mip } from "./mip.ts";
import type { ExcessCosts } from "./excess-costs.ts";
import type { Stage } from "./stage.ts";
import type { StageCounts } from "./stage-counts.ts";

/** What is left to decide of a stage once every choice is fixed that is too dear for a better answer. */
export interface CoreModel {
  readonly mip: Mip;
  /** Cost of what is fixed: to be added to the model's cost. */
  readonly fixedCost: number;
  toCounts(solution: Float64Array): StageCounts;
  /** The solution that stands for these counts; undefined where they are not within what is open. */
  toSolution(counts: StageCounts): Float64Array | undefined;
}

/** Rounding by which a choice that is exactly as dear as allowed may seem dearer. */
const roundingFraction = 1e-9;

/**
 * The model of the answers that cost at most `allowance` more than the bound, by excess costs: of a choice that is
 * dearer by `e` than the cheapest, no more than allowance / e servers can make it. Everybody else takes the cheapest.
 */
export function buildCoreModel(stage: Stage, excess: ExcessCosts, allowance: number): CoreModel {
  const most = mostOfColumns(stage, excess, allowance);
  const fixed = new Int32Array(stage.option.length);
  const columns: number[] = [];
  const rows = new RowBuilder();
  for (let group = 0; group < stage.groupCount; group++) {
    const first = certain(stage.columnStart[group]);
    const size = certain(stage.size[group]);
    const open: number[] = [];
    for (let column = first; column < certain(stage.columnStart[group + 1]); column++) {
      if (certain(most[column]) > 0) open.push(column);
    }
    const mostNone = mostServers(size, certain(excess.none[group]), allowance);
    const only = open[0];
    if (only === undefined) continue;
    if (open.length === 1 && mostNone === 0) {
      fixed[only] = size;
      continue;
    }
    rows.add(size - mostNone, size);
    for (const column of open) rows.entry(columns.push(column) - 1, 1);
  }
  const groupOf = groupsOf(stage);
  const { room, quotaLeft } = leftBy(stage, fixed, groupOf);
  addCapacityRows(rows, stage, room, columns, most);
  for (const [quota, left] of quotaLeft.entries()) {
    rows.add(Math.max(left, 0), Number.POSITIVE_INFINITY);
    for (const [index, column] of columns.entries()) {
      if (stage.duty[certain(groupOf[column])] === quota) rows.entry(index, 1);
    }
  }
  return {
    mip: rows.toMip(
      Float64Array.from(columns, (column) => certain(stage.cost[column])),
      Float64Array.from(columns, (column) => certain(most[column])),
    ),
    fixedCost: fixed.reduce((sum, count, column) => sum + count * certain(stage.cost[column]), 0),
    toCounts(solution) {
      const counts = fixed.slice();
      for (const [index, column] of columns.entries()) counts[column] = Math.round(certain(solution[index]));
      return counts;
    },
    toSolution(counts) {
      if (!isWithin(stage, excess, allowance, counts)) return undefined;
      return Float64Array.from(columns, (column) => certain(counts[column]));
    },
  };
}

/** Whether the counts make only choices that are open, none of them more often than allowed. */
function isWithin(stage: Stage, excess: ExcessCosts, allowance: number, counts: StageCounts): boolean {
  for (let group = 0; group < stage.groupCount; group++) {
    const size = certain(stage.size[group]);
    let left = size;
    for (
      let column = certain(stage.columnStart[group]);
      column < certain(stage.columnStart[group + 1]);
      column++
    ) {
      const count = certain(counts[column]);
      if (count > mostServers(size, certain(excess.column[column]), allowance)) return false;
      left -= count;
    }
    if (left > mostServers(size, certain(excess.none[group]), allowance)) return false;
  }
  return true;
}

function mostServers(size: number, excess: number, allowance: number): number {
  if (excess * size <= allowance) return size;
  return Math.min(size, Math.floor((allowance / excess) * (1 + roundingFraction)));
}

function mostOfColumns(stage: Stage, excess: ExcessCosts, allowance: number): Int32Array {
  const most = new Int32Array(stage.option.length);
  for (let group = 0; group < stage.groupCount; group++) {
    const end = certain(stage.columnStart[group + 1]);
    for (let column = certain(stage.columnStart[group]); column < end; column++) {
      most[column] = mostServers(certain(stage.size[group]), certain(excess.column[column]), allowance);
    }
  }
  return most;
}

function groupsOf(stage: Stage): Int32Array {
  const groupOf = new Int32Array(stage.option.length);
  for (let group = 0; group < stage.groupCount; group++) {
    groupOf.fill(group, certain(stage.columnStart[group]), certain(stage.columnStart[group + 1]));
  }
  return groupOf;
}

/** The capacity and quotas that the fixed choices leave. */
function leftBy(
  stage: Stage,
  fixed: Int32Array,
  groupOf: Int32Array,
): { readonly room: Float64Array; readonly quotaLeft: Float64Array } {
  const room = stage.capacity.slice();
  const quotaLeft = Float64Array.from(stage.quota);
  for (let column = 0; column < fixed.length; column++) {
    const count = certain(fixed[column]);
    if (count === 0) continue;
    for (let use = certain(stage.useStart[column]); use < certain(stage.useStart[column + 1]); use++) {
      const type = certain(stage.useType[use]);
      room[type] = certain(room[type]) - count * certain(stage.useUnits[use]);
    }
    const duty = certain(stage.duty[certain(groupOf[column])]);
    if (duty >= 0) quotaLeft[duty] = certain(quotaLeft[duty]) - count;
  }
  return { room, quotaLeft };
}

/** One row a type that the open columns could exceed; the others bind nothing. */
function addCapacityRows(
  rows: RowBuilder,
  stage: Stage,
  room: Float64Array,
  columns: readonly number[],
  most: Int32Array,
): void {
  const entries = Array.from(room, (): { readonly index: number; readonly units: number }[] => []);
  const total = new Float64Array(room.length);
  for (const [index, column] of columns.entries()) {
    for (let use = certain(stage.useStart[column]); use < certain(stage.useStart[column + 1]); use++) {
      const type = certain(stage.useType[use]);
      const units = certain(stage.useUnits[use]);
      certain(entries[type]).push({ index, units });
      total[type] = certain(total[type]) + units * certain(most[column]);
    }
  }
  for (const [type, uses] of entries.entries()) {
    if (certain(total[type]) <= certain(room[type])) continue;
    rows.add(Number.NEGATIVE_INFINITY, certain(room[type]));
    for (const { index, units } of uses) rows.entry(index, units);
  }
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

  toMip(columnCost: Float64Array, columnUpper: Float64Array): Mip {
    return {
      columnCost,
      columnUpper,
      rowLower: Float64Array.from(this.#lower),
      rowUpper: Float64Array.from(this.#upper),
      rowStart: Int32Array.from([...this.#start, this.#index.length]),
      columnIndex: Int32Array.from(this.#index),
      coefficient: Float64Array.from(this.#coefficient),
    };
  }
}
