import { certain } from "../certain.ts";
import { mustServe } from "./stage.ts";
import type { Stage } from "./stage.ts";

/**
 * What each choice of a server costs more than its cheapest one, at given prices: an answer to the stage costs at least
 * the bound plus these for all its choices. None is negative.
 */
export interface ExcessCosts {
  /** Of taking a column, by column. */
  readonly column: Float64Array;
  /** Of taking none, by group; infinite where the server must be served. */
  readonly none: Float64Array;
}

export function excessCosts(stage: Stage, price: Float64Array): ExcessCosts {
  const { columnStart, useStart, useType, useUnits, cost, duty } = stage;
  const column = new Float64Array(cost.length);
  const none = new Float64Array(stage.groupCount).fill(Number.POSITIVE_INFINITY);
  for (let group = 0; group < stage.groupCount; group++) {
    const groupDuty = certain(duty[group]);
    const reward = groupDuty >= 0 ? certain(price[stage.capacity.length + groupDuty]) : 0;
    const end = certain(columnStart[group + 1]);
    let least = groupDuty === mustServe ? Number.POSITIVE_INFINITY : 0;
    for (let at = certain(columnStart[group]); at < end; at++) {
      let paid = certain(cost[at]) - reward;
      for (let use = certain(useStart[at]); use < certain(useStart[at + 1]); use++) {
        paid += certain(price[certain(useType[use])]) * certain(useUnits[use]);
      }
      column[at] = paid;
      least = Math.min(least, paid);
    }
    for (let at = certain(columnStart[group]); at < end; at++) column[at] = certain(column[at]) - least;
    if (groupDuty !== mustServe) none[group] = -least;
  }
  return { column, none };
}
