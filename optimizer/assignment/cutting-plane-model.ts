import { certain } from "../certain.ts";

/** Pivots after which the inverse is computed afresh, so that rounding does not add up. */
const pivotsPerInversion = 60;

/** Pivots for one maximum; far more than any needs, so that rounding cannot make it run on. */
const mostPivots = 5_000;

/** Pivots in a row that lead nowhere before the slow rule takes over. */
const mostIdlePivots = 20;

/** Reduced costs above minus this, relative to the size of the cuts' heights, are none. */
const priceTolerance = 1e-11;

/** Steps below this share of the largest one are rounding, and no row to pivot on. */
const stepTolerance = 1e-9;

/**
 * The least of many planes over a box, and its maximum: what cutting planes know of a concave function. It is solved
 * as the linear program dual to it, in which each plane is a column, with one row a dimension and one for the weights:
 * a new plane then continues from the last basis. Columns are numbered: box floors, box ceilings, planes.
 */
export class CuttingPlaneModel {
  readonly #dimensions: number;
  readonly #slopes: Float64Array[] = [];
  readonly #heights: number[] = [];
  /** Column of each row. */
  readonly #basis: Int32Array;
  /** Inverse of the basis by rows. */
  #inverse: Float64Array = new Float64Array();
  /** Pivots since it was computed. */
  #pivots = 0;

  constructor(dimensions: number) {
    this.#dimensions = dimensions;
    this.#basis = new Int32Array(dimensions + 1);
  }

  get planeCount(): number {
    return this.#slopes.length;
  }

  /** Adds the plane height + slope · x. */
  add(height: number, slope: Float64Array): void {
    this.#slopes.push(slope);
    this.#heights.push(height);
    if (this.#slopes.length === 1) this.restart(0);
  }

  /** The highest point of the planes within the box, and its height. */
  maximum(
    floor: Float64Array,
    ceiling: Float64Array,
  ): { readonly point: Float64Array; readonly height: number } {
    const size = this.#dimensions + 1;
    const prices = new Float64Array(size);
    const direction = new Float64Array(size);
    let idle = 0;
    for (let pivots = 0; pivots < mostPivots; pivots++) {
      if (this.#pivots >= pivotsPerInversion) this.#invert();
      this.#priceInto(prices, floor, ceiling);
      // Bland's rule ends every search, though slowly: it takes over where the steepest column may run in circles.
      const isSlow = idle > mostIdlePivots;
      const entering = this.#entering(prices, floor, ceiling, isSlow);
      const leaving = entering === undefined ? undefined : this.#leaving(direction, entering, isSlow);
      if (entering !== undefined && leaving !== undefined) {
        idle = certain(this.#inverse[leaving * size + size - 1]) > 0 ? 0 : idle + 1;
        pivot(this.#inverse, direction, leaving, size);
        this.#basis[leaving] = entering;
        this.#pivots++;
      } else if (this.#pivots === 0) {
        break;
      } else {
        // Only an inverse without rounding has the last word.
        this.#invert();
      }
    }
    // Rounding must not lead out of the box: a price below zero would bound nothing.
    const point = floor.map((low, at) => Math.min(Math.max(certain(prices[at]), low), certain(ceiling[at])));
    return { point, height: certain(prices[this.#dimensions]) };
  }

  /** Drops the planes that do not hold the last maximum, but for the newest ones. */
  forget(keptNewest: number): void {
    const planes = 2 * this.#dimensions;
    const first = this.planeCount - keptNewest;
    const kept = [...this.#slopes.keys()].filter(
      (plane) => plane >= first || this.#basis.includes(planes + plane),
    );
    for (const [row, column] of this.#basis.entries()) {
      if (column >= planes) this.#basis[row] = planes + kept.indexOf(column - planes);
    }
    this.#slopes.splice(0, this.planeCount, ...kept.map((plane) => certain(this.#slopes[plane])));
    this.#heights.splice(0, this.#heights.length, ...kept.map((plane) => certain(this.#heights[plane])));
  }

  /** Begins from one plane alone, whose slope leads to a corner of the box. */
  restart(plane: number): void {
    for (const [at, slope] of certain(this.#slopes[plane]).entries()) {
      this.#basis[at] = slope > 0 ? this.#dimensions + at : at;
    }
    this.#basis[this.#dimensions] = 2 * this.#dimensions + plane;
    this.#invert();
  }

  /** Column by rows: minus the slope and a weight of 1 for a plane, plus or minus a unit for a side of the box. */
  #entry(column: number, row: number): number {
    const dimensions = this.#dimensions;
    if (column < 2 * dimensions) {
      if (column % dimensions !== row) return 0;
      return column < dimensions ? -1 : 1;
    }
    return row === dimensions ? 1 : -certain(certain(this.#slopes[column - 2 * dimensions])[row]);
  }

  #cost(column: number, floor: Float64Array, ceiling: Float64Array): number {
    const dimensions = this.#dimensions;
    if (column < dimensions) return -certain(floor[column]);
    if (column < 2 * dimensions) return certain(ceiling[column - dimensions]);
    return certain(this.#heights[column - 2 * dimensions]);
  }

  #invert(): void {
    const size = this.#dimensions + 1;
    const matrix = new Float64Array(size * size);
    for (let row = 0; row < size; row++) {
      for (let at = 0; at < size; at++) matrix[row * size + at] = this.#entry(certain(this.#basis[at]), row);
    }
    this.#inverse = inverseOf(matrix, size);
    this.#pivots = 0;
  }

  #priceInto(prices: Float64Array, floor: Float64Array, ceiling: Float64Array): void {
    const size = this.#dimensions + 1;
    prices.fill(0);
    for (let at = 0; at < size; at++) {
      const cost = this.#cost(certain(this.#basis[at]), floor, ceiling);
      for (let row = 0; row < size; row++) {
        prices[row] = certain(prices[row]) + cost * certain(this.#inverse[at * size + row]);
      }
    }
  }

  #entering(
    prices: Float64Array,
    floor: Float64Array,
    ceiling: Float64Array,
    firstFound: boolean,
  ): number | undefined {
    const dimensions = this.#dimensions;
    const height = certain(prices[dimensions]);
    const tolerance = priceTolerance * (1 + Math.abs(height));
    let least = -tolerance;
    let entering: number | undefined;
    const consider = (reducedCost: number, column: number): void => {
      if (reducedCost >= least || (firstFound && entering !== undefined)) return;
      least = reducedCost;
      entering = column;
    };
    for (let at = 0; at < dimensions; at++) consider(certain(prices[at]) - certain(floor[at]), at);
    for (let at = 0; at < dimensions; at++) {
      consider(certain(ceiling[at]) - certain(prices[at]), dimensions + at);
    }
    for (const [plane, slope] of this.#slopes.entries()) {
      let reducedCost = certain(this.#heights[plane]) - height;
      for (let at = 0; at < dimensions; at++) reducedCost += certain(slope[at]) * certain(prices[at]);
      consider(reducedCost, 2 * dimensions + plane);
    }
    return entering;
  }

  /** Fills the direction of the column and returns the row that reaches zero first. */
  #leaving(direction: Float64Array, column: number, isSlow: boolean): number | undefined {
    const size = this.#dimensions + 1;
    direction.fill(0);
    for (let row = 0; row < size; row++) {
      const entry = this.#entry(column, row);
      if (entry === 0) continue;
      for (let at = 0; at < size; at++) {
        direction[at] = certain(direction[at]) + entry * certain(this.#inverse[at * size + row]);
      }
    }
    let largest = 0;
    for (const step of direction) largest = Math.max(largest, Math.abs(step));
    let leaving: number | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (let at = 0; at < size; at++) {
      const step = certain(direction[at]);
      if (step <= largest * stepTolerance) continue;
      // All right-hand sides are zero but the weights', so that a row's value is its entry in the last column.
      const ratio = Math.max(certain(this.#inverse[at * size + size - 1]), 0) / step;
      if (leaving !== undefined && ratio === least) {
        // Of equal ones the largest step, which rounds least, or the first column, which cannot run in circles.
        const isBetter = isSlow
          ? certain(this.#basis[at]) < certain(this.#basis[leaving])
          : step > certain(direction[leaving]);
        if (isBetter) leaving = at;
      } else if (ratio < least) {
        least = ratio;
        leaving = at;
      }
    }
    return leaving;
  }
}

function pivot(inverse: Float64Array, direction: Float64Array, leaving: number, size: number): void {
  const by = certain(direction[leaving]);
  for (let row = 0; row < size; row++) {
    inverse[leaving * size + row] = certain(inverse[leaving * size + row]) / by;
  }
  for (let at = 0; at < size; at++) {
    const factor = certain(direction[at]);
    if (at === leaving || factor === 0) continue;
    for (let row = 0; row < size; row++) {
      inverse[at * size + row] =
        certain(inverse[at * size + row]) - factor * certain(inverse[leaving * size + row]);
    }
  }
}

/** Gauss and Jordan with the largest pivot of each column. */
function inverseOf(matrix: Float64Array, size: number): Float64Array {
  const inverse = new Float64Array(size * size);
  for (let at = 0; at < size; at++) inverse[at * size + at] = 1;
  for (let column = 0; column < size; column++) {
    let largest = column;
    for (let row = column + 1; row < size; row++) {
      if (
        Math.abs(certain(matrix[row * size + column])) > Math.abs(certain(matrix[largest * size + column]))
      ) {
        largest = row;
      }
    }
    for (const rows of [matrix, inverse]) {
      for (let at = 0; at < size; at++) {
        const held = certain(rows[largest * size + at]);
        rows[largest * size + at] = certain(rows[column * size + at]);
        rows[column * size + at] = held;
      }
    }
    const by = certain(matrix[column * size + column]);
    for (const rows of [matrix, inverse]) {
      for (let at = 0; at < size; at++) {
        rows[column * size + at] = certain(rows[column * size + at]) / by;
      }
    }
    for (let row = 0; row < size; row++) {
      const factor = certain(matrix[row * size + column]);
      if (row === column || factor === 0) continue;
      for (const rows of [matrix, inverse]) {
        for (let at = 0; at < size; at++) {
          rows[row * size + at] = certain(rows[row * size + at]) - factor * certain(rows[column * size + at]);
        }
      }
    }
  }
  return inverse;
}
