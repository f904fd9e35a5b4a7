import { certain } from "../../certain.ts";

/**
 * Numbers of decoding sequences for which the iterations are worked out, all of the first and then one in about 16: what
 * lies between is interpolated, as times hardly bend there. The grid depends on nothing but its end, so that answers do
 * not jump.
 */
export class StateGrid {
  readonly points: readonly number[];
  /** For 0, 1, 2 … sequences, the index of the last point that is not above. */
  readonly #below: Int32Array;

  constructor(most: number) {
    const points: number[] = [];
    for (let n = 0; n < most; n = Math.max(n + 1, Math.round(n * 1.0625))) points.push(n);
    points.push(most);
    this.points = points;
    this.#below = new Int32Array(most + 1);
    let point = 0;
    for (let n = 0; n <= most; n++) {
      while (point + 1 < points.length && certain(points[point + 1]) <= n) point++;
      this.#below[n] = point;
    }
  }

  /** Adds a weight to the two points around a number of sequences, in proportion to how near they are. */
  add(weights: Float64Array, sequences: number, weight: number): void {
    const point = this.indexBelow(sequences);
    const above = this.shareAbove(point, sequences);
    weights[point] = certain(weights[point]) + weight * (1 - above);
    if (above > 0) weights[point + 1] = certain(weights[point + 1]) + weight * above;
  }

  /** Between the values at the two points around a number of sequences. */
  interpolate(valueAt: (point: number) => number, sequences: number): number {
    const point = this.indexBelow(sequences);
    const above = this.shareAbove(point, sequences);
    return above > 0 ? valueAt(point) * (1 - above) + valueAt(point + 1) * above : valueAt(point);
  }

  indexBelow(sequences: number): number {
    return certain(this.#below[Math.floor(sequences)]);
  }

  shareAbove(point: number, sequences: number): number {
    const low = certain(this.points[point]);
    return sequences > low ? (sequences - low) / (certain(this.points[point + 1]) - low) : 0;
  }
}
