import { certain } from "../../certain.ts";
import { BatchTable, type SharedInstances } from "./batch-table.ts";
import { levelShares } from "./level-shares.ts";

/** What is met at random times by requests that begin batches. */
export interface Backlog {
  readonly table: BatchTable;
  /** Share of times by place of the table; in place 0 an instance is idle. */
  readonly shares: Float64Array;
  /** Probability that the model has no open batch, so that a request begins one; in the table's places. */
  readonly begins: Float64Array;
}

/** Cells of the grid of levels: with a quarter more the errors against the simulation are no smaller. */
const cells = 128;
/** Rounds that find the grid's range, and rounds on it; always as many, so that times depend smoothly on everything. */
const rangingRounds = 5;
const settlingRounds = 8;

/**
 * The backlog of instances that several models share: how long a batch waits for an instance that is begun now.
 *
 * A model has at most one open batch: one that waits and is not full. Its next request joins it; without one it begins
 * a batch, which joins the end of the queue. Batches start in the order in which they were begun, so that the backlog
 * grows by the whole (later) time of a batch when it is begun, and falls by 1 ms a ms. With f the density of the
 * backlog, q_m(y) the probability that model m has no open batch, S_m(y) the time of a batch that waits y, and c
 * instances, every level is crossed downwards as often as upwards:
 *
 *   f(y) = Σ_m λ_m ∫_{0 <= x < y} q_m(x)·P(S_m(x)/c > y - x) dF(x)
 *
 * A batch begun at x is open for D = (size - 1)/λ, while the backlog falls from x + S to x + S - D·(1 - r), with r the
 * part of the load that others bring meanwhile. The sum of these times is the density of the backlog while a batch of
 * m is open, and q_m is one minus its ratio to f. Both equations are solved in turns.
 */
export function solveBacklog(shared: SharedInstances): Backlog {
  const { models } = shared;
  const table = new BatchTable(shared, cells);
  table.fill(firstRangeMs(shared), new Float64Array(models.length).fill(1 / models.length));
  let begins: Float64Array = new Float64Array(table.waitMs.length);
  for (const [model, { arrivalsPerMs, maxBatchSize }] of models.entries()) {
    for (let place = 0; place <= cells; place++) {
      const at = table.at(model, place);
      const joining = arrivalsPerMs * certain(table.waitMs[at]);
      const open = (1 + joining / firstPower) ** -firstPower;
      begins[at] = 1 / maxBatchSize + (1 - 1 / maxBatchSize) * open;
    }
  }
  let shares = levelShares(table, begins);
  for (let round = 0; round < rangingRounds; round++) {
    begins = nextBegins(table, shares, begins);
    const own = ownLoads(table, shares, begins);
    const { cellMs } = table;
    table.fill(nextRangeMs(table, shares), own);
    begins = moved(begins, cellMs, table);
    shares = levelShares(table, begins);
  }
  for (let round = 0; round < settlingRounds; round++) {
    begins = nextBegins(table, shares, begins);
    shares = levelShares(table, begins);
  }
  return { table, shares, begins };
}

/** The first guess falls as this power of the wait: rounds settle soonest between 1, too slow a fall, and ∞. */
const firstPower = 2.5;

/** More than enough: rounds shrink it faster than they could extend it. */
function firstRangeMs({ instances, models, maxQueueDelayMs }: SharedInstances): number {
  let sumMs = 0;
  let perRequest = 0;
  let load = 0;
  for (const { arrivalsPerMs, baseMs, perRequestMs, maxBatchSize } of models) {
    sumMs += baseMs + perRequestMs;
    perRequest += (arrivalsPerMs * perRequestMs) / instances;
    load += (arrivalsPerMs * (perRequestMs + baseMs / maxBatchSize)) / instances;
  }
  // One batch of every model, which holds what has come during the round before.
  const roundMs = (sumMs + perRequest * maxQueueDelayMs) / Math.max(1 - perRequest, leastLeft);
  return (4 * roundMs) / Math.max(1 - load, leastLeft) + leastRangeMs;
}

/** Nearer to saturation the range no longer grows. */
const leastLeft = 0.005;
/** Where batches take no time at all. */
const leastRangeMs = 1e-9;
/** Share of times that may lie beyond the range. */
const rare = 1e-4;

function nextRangeMs(table: BatchTable, shares: Float64Array): number {
  let above = 0;
  let reached = 0;
  for (let place = cells; place > 0; place--) {
    const more = certain(shares[place]);
    if (above + more > rare) {
      reached = place - (rare - above) / more;
      break;
    }
    above += more;
  }
  const rangeMs = table.cellMs * cells;
  const reachedMs = reached * table.cellMs;
  return Math.min(Math.max(1.2 * reachedMs, rangeMs / 5, leastRangeMs), 1.5 * rangeMs);
}

/** The same probabilities at the levels of the table, which had cells of another size. */
function moved(begins: Float64Array, fromCellMs: number, table: BatchTable): Float64Array {
  const result = new Float64Array(begins.length);
  for (let model = 0; model < table.shared.models.length; model++) {
    const row = table.at(model, 0);
    result[row] = certain(begins[row]);
    for (let place = 1; place <= cells; place++) {
      const position = Math.min(Math.max(table.levelMs(place) / fromCellMs + 0.5, 1), cells);
      const below = Math.min(Math.floor(position), cells - 1);
      const part = position - below;
      result[row + place] =
        certain(begins[row + below]) * (1 - part) + certain(begins[row + below + 1]) * part;
    }
  }
  return result;
}

/** Of each model: its part of all load. */
function ownLoads(table: BatchTable, shares: Float64Array, begins: Float64Array): Float64Array {
  const { models } = table.shared;
  const loads = new Float64Array(models.length);
  let all = 0;
  for (const [model, { arrivalsPerMs }] of models.entries()) {
    let sum = 0;
    for (let place = 0, at = table.at(model, 0); place <= cells; place++, at++)
      sum += certain(shares[place]) * certain(begins[at]) * certain(table.serviceMs[at]);
    loads[model] = arrivalsPerMs * sum;
    all += arrivalsPerMs * sum;
  }
  return loads.map((load) => (all > 0 ? load / all : 1 / models.length));
}

/** The probabilities that follow from those of the round before. */
function nextBegins(table: BatchTable, shares: Float64Array, begins: Float64Array): Float64Array {
  const { cellMs, waitMs, size, serviceMs } = table;
  const { instances, models } = table.shared;
  const result = new Float64Array(begins.length);
  const own = ownLoads(table, shares, begins);
  const busy = 1 - certain(shares[0]);
  const bends = new Float64Array(cells + 2);
  const bend = (position: number, density: number): void => {
    if (position >= cells) return;
    const cell = Math.floor(position);
    const part = density * (position - cell);
    bends[cell] = certain(bends[cell]) + density - part;
    bends[cell + 1] = certain(bends[cell + 1]) + part;
  };
  for (let model = 0; model < models.length; model++) {
    const { arrivalsPerMs } = certain(models[model]);
    const fall = 1 - Math.min(1 - certain(own[model]), mostRefilled) * busy;
    const row = table.at(model, 0);
    bends.fill(0);
    let heldMs = 0;
    for (let place = 0; place <= cells; place++) {
      const at = row + place;
      const begun = arrivalsPerMs * certain(shares[place]) * certain(begins[at]);
      const openMs = (certain(size[at]) - 1) / arrivalsPerMs;
      const levelMs = table.levelMs(place);
      // While a batch is held back, the backlog is what it is at any time.
      const holdMs = Math.min(openMs, certain(waitMs[at]) - levelMs);
      heldMs += begun * holdMs;
      const queuedMs = openMs - holdMs;
      if (!(queuedMs > 0)) continue;
      const top = (levelMs + certain(serviceMs[at]) / instances) / cellMs;
      const width = Math.max((fall * queuedMs) / cellMs, leastWidth);
      const density = (begun * queuedMs) / width;
      // Means may put the end of the wait below an empty backlog.
      bend(Math.max(0, top - width), density);
      bend(top, -density);
    }
    let open = 0;
    for (let place = 0; place <= cells; place++) {
      if (place > 0) open += certain(bends[place - 1]);
      const at = row + place;
      const share = certain(shares[place]);
      const begin = certain(begins[at]);
      const all = begin * share + Math.max(0, open) + heldMs * share;
      // At the solution the part is 1; its root brings one round nearer without passing it by. Where hardly anything
      // is, rounding would say what it likes: one in so many requests begins a batch.
      result[at] = share > negligible ? Math.min(1, begin * Math.sqrt(share / all)) : 1 / certain(size[at]);
    }
  }
  return result;
}

/** Share of times that does not show. */
const negligible = 1e-9;
/** A backlog that others keep up all the time would never fall. */
const mostRefilled = 0.98;
/** In cells: a density is finite. */
const leastWidth = 1e-6;
