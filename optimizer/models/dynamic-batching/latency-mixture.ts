import { certain } from "../../certain.ts";

/**
 * Distribution of a time as a sum of uniform ones, each over its own interval. The distribution function is piecewise
 * linear; what is kept are its bends, moved onto a grid in such a way that areas and means stay: the result changes
 * gradually with each interval.
 */
export class LatencyMixture {
  readonly #leastMs: number;
  /** One cell before the least time: a step there has room for its slope. */
  readonly #fromMs: number;
  readonly #cellsPerMs: number;
  readonly #cellMs: number;
  /** Change of slope at each point of the grid. */
  readonly #bends: Float64Array;
  readonly #cells: number;
  #weight = 0;

  /** No time is below the start; times beyond the end count as the end. */
  constructor(fromMs: number, toMs: number, cells: number) {
    this.#cells = cells;
    this.#bends = new Float64Array(cells + 2);
    this.#cellMs = Math.max(toMs - fromMs, 1e-9) / (cells - 1);
    this.#leastMs = fromMs;
    this.#fromMs = fromMs - this.#cellMs;
    this.#cellsPerMs = 1 / this.#cellMs;
  }

  /** Adds a share of all requests, which may be negative where another one has added too much. */
  add(fromMs: number, toMs: number, weight: number): void {
    let from = (fromMs - this.#fromMs) * this.#cellsPerMs;
    let to = (toMs - this.#fromMs) * this.#cellsPerMs;
    // A step of the distribution function is a slope over one cell.
    const missing = 1 - (to - from);
    if (missing > 0) {
      from -= missing / 2;
      to += missing / 2;
    }
    const slope = weight / (to - from);
    this.#bend(from, slope);
    this.#bend(to, -slope);
    this.#weight += weight;
  }

  #bend(position: number, slope: number): void {
    const at = Math.min(Math.max(position, 0), this.#cells);
    const cell = Math.floor(at);
    const part = (at - cell) * slope;
    this.#bends[cell] = certain(this.#bends[cell]) + slope - part;
    this.#bends[cell + 1] = certain(this.#bends[cell + 1]) + part;
  }

  /** The times that the given shares of the requests, in ascending order, do not exceed. */
  quantiles(shares: readonly number[]): readonly number[] {
    const result: number[] = [];
    let slope = 0;
    let reached = 0;
    for (let cell = 0; cell <= this.#cells && result.length < shares.length; cell++) {
      slope += certain(this.#bends[cell]);
      const next = reached + slope;
      while (result.length < shares.length) {
        const wanted = certain(shares[result.length]) * this.#weight;
        if (next < wanted) break;
        const position = cell + (slope > 0 ? (wanted - reached) / slope : 0);
        result.push(Math.max(this.#leastMs, this.#fromMs + position * this.#cellMs));
      }
      reached = next;
    }
    while (result.length < shares.length) result.push(this.#fromMs + this.#cells * this.#cellMs);
    return result;
  }
}
