import { certain } from "../certain.ts";

/** Pivots after which the inverse is computed afresh, so that rounding does not add up. */
const pivotsPerInversion = 60;

/** Pivots for one maximum; far more than any needs, so that rounding cannot make it run on. */
const mostPivots = 5_000;

/** Reduced costs above minus this, relative to the size of the cuts' heights, are none. */
const priceTolerance = 1e-11;

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
  /** Inverse of the basis by rows; undefined until it is needed. */
  #inverse: Float64Array | undefined;
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
    if (this.#slopes.length === 1) this.#startWith(0);
  }

  /** The highest point of the planes within the box, and its height. */
  maximum(
    floor: Float64Array,
    ceiling: Float64Array,
  ): { readonly point: Float64Array; readonly height: number } {
    const size = this.#dimensions + 1;
    const prices = new Float64Array(size);
    const direction = new Float64Array(size);
    for (let pivots = 0; pivots < mostPivots; pivots++) {
      const inverse = this.#inverted();
      this.#priceInto(prices, inverse, floor, ceiling);
      // Bland's rule ends every search, though slowly: it takes over where the steepest column may run in circles.
      const entering = this.#entering(prices, floor, ceiling, pivots > mostPivots / 2);
      if (entering === undefined) break;
      this.#columnInto(direction, inverse, entering);
      const leaving = leavingRow(direction, inverse, size, this.#basis);
      if (leaving === undefined) break;
      pivot(inverse, direction, leaving, size);
      this.#basis[leaving] = entering;
      if (++this.#pivots % pivotsPerInversion === 0) this.#inverse = undefined;
    }
    this.#priceInto(prices, this.#inverted(), floor, ceiling);
    return { point: prices.slice(0, this.#dimensions), height: certain(prices[this.#dimensions]) };
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

  /** A basis of one plane alone: its slope leads to a corner of the box. */
  #startWith(plane: number): void {
    for (const [at, slope] of certain(this.#slopes[plane]).entries()) {
      this.#basis[at] = slope > 0 ? this.#dimensions + at : at;
    }
    this.#basis[this.#dimensions] = 2 * this.#dimensions + plane;
    this.#inverse = undefined;
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

  #inverted(): Float64Array {
    if (this.#inverse) return this.#inverse;
    const size = this.#dimensions + 1;
    const matrix = new Float64Array(size * size);
    for (let row = 0; row < size; row++) {
      for (let at = 0; at < size; at++) matrix[row * size + at] = this.#entry(certain(this.#basis[at]), row);
    }
    this.#inverse = inverseOf(matrix, size);
    return this.#inverse;
  }

  #priceInto(prices: Float64Array, inverse: Float64Array, floor: Float64Array, ceiling: Float64Array): void {
    const size = this.#dimensions + 1;
    prices.fill(0);
    for (let at = 0; at < size; at++) {
      const cost = this.#cost(certain(this.#basis[at]), floor, ceiling);
      for (let row = 0; row < size; row++) {
        prices[row] = certain(prices[row]) + cost * certain(inverse[at * size + row]);
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
    for (let at = 0; at < dimensions; at++) {
      consider(certain(prices[at]) - certain(floor[at]), at);
      consider(certain(ceiling[at]) - certain(prices[at]), dimensions + at);
    }
    for (const [plane, slope] of this.#slopes.entries()) {
      let reducedCost = certain(this.#heights[plane]) - height;
      for (let at = 0; at < dimensions; at++) reducedCost += certain(slope[at]) * certain(prices[at]);
      consider(reducedCost, 2 * dimensions + plane);
    }
    return entering;
  }

  #columnInto(direction: Float64Array, inverse: Float64Array, column: number): void {
    const size = this.#dimensions + 1;
    direction.fill(0);
    for (let row = 0; row < size; row++) {
      const entry = this.#entry(column, row);
      if (entry === 0) continue;
      for (let at = 0; at < size; at++) {
        direction[at] = certain(direction[at]) + entry * certain(inverse[at * size + row]);
      }
    }
  }
}

/** The row that reaches zero first; of equal ones that with the first column, so that no search runs in circles. */
function leavingRow(
  direction: Float64Array,
  inverse: Float64Array,
  size: number,
  basis: Int32Array,
): number | undefined {
  let leaving: number | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (let at = 0; at < size; at++) {
    const step = certain(direction[at]);
    if (step <= 1e-12) continue;
    // All right-hand sides are zero but the weights', so that a row's value is its entry in the last column.
    const ratio = Math.max(certain(inverse[at * size + size - 1]), 0) / step;
    if (ratio > least) continue;
    if (ratio === least && leaving !== undefined && certain(basis[at]) > certain(basis[leaving])) continue;
    least = ratio;
    leaving = at;
  }
  return leaving;
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
    for (let row = 0; row < size; row++) {
      const factor = row === column ? 1 - 1 / by : certain(matrix[row * size + column]) / by;
      if (factor === 0) continue;
      for (const rows of [matrix, inverse]) {
        for (let at = 0; at < size; at++) {
          rows[row * size + at] = certain(rows[row * size + at]) - factor * certain(rows[column * size + at]);
        }
      }
    }
  }
  return inverse;
}
