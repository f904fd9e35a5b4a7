import { certain } from "../certain.ts";
import { CuttingPlaneModel } from "./cutting-plane-model.ts";
import { mustServe } from "./stage.ts";
import type { Stage } from "./stage.ts";

/**
 * What a unit of each type and a place in each quota are worth. At any prices, the cost of a stage is at least the sum
 * of the least that each server pays for itself, less the worth of the capacity (the Lagrangian bound); at the best
 * ones that is the bound of the linear relaxation.
 */
export interface Prices {
  /** Of a unit of each type, then the reward for each server that counts to a quota. None is negative. */
  readonly price: Float64Array;
  /** No answer to the stage costs less. */
  readonly bound: number;
}

export interface PriceLimits {
  /** Evaluations of the bound after which the best prices so far are returned. */
  readonly evaluations: number;
  /** Time left in s; the search ends when there is none. */
  readonly secondsLeft: () => number;
  /** Bound that is as good as the best one, if reached. */
  readonly enough?: number;
}

/** A step that brings less than this share of the costs' magnitude is none. */
const gainTolerance = 1e-11;

/**
 * The best prices, by cutting planes within a box around the best ones so far. The box grows while it holds the search
 * back and shrinks where the planes promise too much, which keeps the search from jumping from corner to corner.
 */
export function bestPrices(stage: Stage, limits: PriceLimits, start?: Float64Array): Prices {
  const { scale, dimensions } = activeDimensions(stage);
  const count = dimensions.length;
  const price = new Float64Array(scale.length);
  const slope = new Float64Array(scale.length);
  let center: Float64Array = Float64Array.from(dimensions, (at) =>
    start ? certain(start[at]) / certain(scale[at]) : 0,
  );
  const evaluate = (point: Float64Array): { readonly bound: number; readonly plane: Float64Array } => {
    for (const [index, at] of dimensions.entries()) price[at] = certain(point[index]) * certain(scale[at]);
    const bound = boundAt(stage, price, slope);
    return { bound, plane: Float64Array.from(dimensions, (at) => certain(slope[at]) * certain(scale[at])) };
  };
  const model = new CuttingPlaneModel(count);
  const addPlane = (point: Float64Array, bound: number, plane: Float64Array): void => {
    let height = bound;
    for (let at = 0; at < count; at++) height -= certain(plane[at]) * certain(point[at]);
    model.add(height, plane);
  };
  const first = evaluate(center);
  let bound = first.bound;
  addPlane(center, first.bound, first.plane);
  const leastGain = gainTolerance * magnitudeOf(stage);
  let radius = 1;
  let failures = 0;
  let isRestarted = false;
  for (let evaluations = 1; evaluations < limits.evaluations && count > 0; evaluations++) {
    if (bound >= (limits.enough ?? Number.POSITIVE_INFINITY) || limits.secondsLeft() <= 0) break;
    const floor = center.map((at) => Math.max(at - radius, 0));
    const ceiling = center.map((at) => at + radius);
    const highest = model.maximum(floor, ceiling);
    const gain = highest.height - bound;
    if (!(gain >= -1e-6 * Math.abs(bound) - leastGain)) {
      // The planes are all above the bound: only rounding can have led below it.
      if (isRestarted) break;
      model.restart(model.planeCount - 1);
      isRestarted = true;
      continue;
    }
    isRestarted = false;
    const isHeldBack = highest.point.some(
      (at, index) => at >= certain(ceiling[index]) || (at > 0 && at <= certain(floor[index])),
    );
    if (gain <= leastGain) {
      if (!isHeldBack || radius > largestRadius) break;
      radius *= 8;
      continue;
    }
    const found = evaluate(highest.point);
    addPlane(highest.point, found.bound, found.plane);
    if (found.bound >= bound + gain / 10) {
      if (isHeldBack && found.bound >= bound + gain / 2) radius *= 3;
      center = highest.point;
      bound = found.bound;
      failures = 0;
    } else if (found.bound < bound - gain || ++failures % 3 === 0) {
      radius /= 2;
    }
    if (model.planeCount > planesPerDimension * (count + 1)) model.forget(count + 1);
  }
  evaluate(center);
  return { price: price.slice(), bound };
}

/** Radius of the box, in typical prices, at which nothing to gain means that there is nothing to gain at all. */
const largestRadius = 1e4;

/** Planes a dimension that are kept before those that hold nothing are dropped. */
const planesPerDimension = 8;

/** The prices that can be above zero, each with a typical size. */
function activeDimensions(stage: Stage): {
  readonly scale: Float64Array;
  readonly dimensions: readonly number[];
} {
  const { capacity, quota, columnStart, useStart, useType, useUnits, cost, size } = stage;
  const scale = new Float64Array(capacity.length + quota.length);
  const most = new Float64Array(capacity.length);
  const units = new Float64Array(capacity.length);
  const worth = new Float64Array(capacity.length);
  const mostOfGroup = new Float64Array(capacity.length);
  for (let group = 0; group < stage.groupCount; group++) {
    mostOfGroup.fill(0);
    for (let column = certain(columnStart[group]); column < certain(columnStart[group + 1]); column++) {
      for (let use = certain(useStart[column]); use < certain(useStart[column + 1]); use++) {
        const type = certain(useType[use]);
        const taken = certain(useUnits[use]) * certain(size[group]);
        mostOfGroup[type] = Math.max(certain(mostOfGroup[type]), taken);
        units[type] = certain(units[type]) + taken;
        worth[type] =
          certain(worth[type]) + (stage.isCount ? 1 : Math.abs(certain(cost[column]))) * certain(size[group]);
      }
    }
    for (const [type, taken] of mostOfGroup.entries()) most[type] = certain(most[type]) + taken;
  }
  const dimensions: number[] = [];
  let total = 0;
  let largest = 0;
  for (let type = 0; type < capacity.length; type++) {
    total += certain(worth[type]);
    largest += certain(most[type]) > 0 ? 1 : 0;
    // A capacity that everybody's largest option together does not exceed binds nothing.
    if (certain(most[type]) <= certain(capacity[type])) continue;
    dimensions.push(type);
    scale[type] = (certain(worth[type]) || 1) / certain(units[type]);
  }
  const servers = size.reduce((sum, one) => sum + one, 0);
  for (let at = 0; at < quota.length; at++) {
    dimensions.push(capacity.length + at);
    scale[capacity.length + at] = stage.isCount ? 1 : total / Math.max(servers * largest, 1) || 1;
  }
  return { scale, dimensions };
}

/** What the costs add up to without their signs: the size of the numbers whose rounding shows. */
function magnitudeOf({ columnStart, cost, size, groupCount }: Stage): number {
  let magnitude = 0;
  for (let group = 0; group < groupCount; group++) {
    const first = certain(columnStart[group]);
    if (first < certain(columnStart[group + 1]))
      magnitude += Math.abs(certain(cost[first])) * certain(size[group]);
  }
  return Math.max(magnitude, Number.MIN_VALUE);
}

/** The bound at given prices, with how it changes with each of them: what the cheapest choices use too much. */
export function boundAt(stage: Stage, price: Float64Array, slope: Float64Array): number {
  const { capacity, quota, columnStart, useStart, useType, useUnits, cost, size, duty } = stage;
  const types = capacity.length;
  let bound = 0;
  for (let type = 0; type < types; type++) {
    const units = certain(capacity[type]);
    // What is unlimited has no price.
    slope[type] = units < Number.POSITIVE_INFINITY ? -units : 0;
    if (units < Number.POSITIVE_INFINITY) bound -= certain(price[type]) * units;
  }
  for (let at = 0; at < quota.length; at++) {
    slope[types + at] = certain(quota[at]);
    bound += certain(price[types + at]) * certain(quota[at]);
  }
  let column = 0;
  for (let group = 0; group < stage.groupCount; group++) {
    const end = certain(columnStart[group + 1]);
    let least = Number.POSITIVE_INFINITY;
    let cheapest = -1;
    for (; column < end; column++) {
      let paid = certain(cost[column]);
      const useEnd = certain(useStart[column + 1]);
      for (let use = certain(useStart[column]); use < useEnd; use++) {
        paid += certain(price[certain(useType[use])]) * certain(useUnits[use]);
      }
      if (paid < least) {
        least = paid;
        cheapest = column;
      }
    }
    const groupDuty = certain(duty[group]);
    const servers = certain(size[group]);
    if (groupDuty >= 0) least -= certain(price[types + groupDuty]);
    if (groupDuty !== mustServe && least >= 0) continue;
    bound += least * servers;
    const useEnd = certain(useStart[cheapest + 1]);
    for (let use = certain(useStart[cheapest]); use < useEnd; use++) {
      const type = certain(useType[use]);
      slope[type] = certain(slope[type]) + certain(useUnits[use]) * servers;
    }
    if (groupDuty >= 0) slope[types + groupDuty] = certain(slope[types + groupDuty]) - servers;
  }
  return bound;
}
