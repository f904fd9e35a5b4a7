import { certain } from "../../certain.ts";
import type { BatchTable } from "./batch-table.ts";

/**
 * Batches are begun the more regularly the more often one is open already, and the backlog varies less than if each
 * came at random: it grows in smaller steps, which are as many times more frequent as they are smaller. Most of that
 * order shows in where on the grid batches are begun, as long as a batch is open for several cells; the power is fitted
 * to the simulation. Where it is open for less than a cell, all order has to come from the steps.
 */
function stepPart(begin: number, openCells: number): number {
  const seen = openCells ** 2 / (1 + openCells ** 2);
  // The power of 1/16; roots take a fraction of its time.
  const root = Math.sqrt(Math.sqrt(Math.sqrt(Math.sqrt(begin))));
  return Math.max(begin + seen * (root - begin), leastStep);
}

const leastStep = 0.01;
/** A cell falls into the one below it at least so often as it is entered from itself: else a share would have no bound. */
const leastFalling = 0.005;
/** Times all below it that a cell may hold, in rounds that are far from the solution. */
const mostGrowth = 10;

/**
 * Batches of equal length on several instances do not spread out evenly in time but follow each other at random gaps.
 * How much of the spread of random gaps there is; fitted to the simulation.
 */
const gapSpread = 0.5;

/**
 * Share of times at each place of the table, from the crossings of each level in turn, from the lowest up; in place 0 an
 * instance is idle.
 *
 * @param begins by model and place: probability that a request begins a batch.
 */
export function levelShares(table: BatchTable, begins: Float64Array): Float64Array {
  const { cells } = table;
  const steps = new Steps(table, begins);
  const shares = new Float64Array(cells + 1);
  const lastIdle = lastIdleShare(table, begins);
  shares[0] = 1;
  steps.addFromIdle(lastIdle);
  let total = 1;
  for (let place = 1; place <= cells; place++) {
    const share = steps.shareOf(place, total);
    shares[place] = share;
    total += share;
  }
  for (let place = 0; place <= cells; place++) shares[place] = certain(shares[place]) / total;
  return shares;
}

/** Steps up of the backlog, by the cells that they pass. */
class Steps {
  readonly #table: BatchTable;
  readonly #begins: Float64Array;
  /** Changes of {@link #passing} by cell. */
  readonly #ends: Float64Array;
  /** Of the steps from one place: rates and lengths in cells. */
  readonly #rates: Float64Array;
  readonly #lengths: Float64Array;
  readonly #apart: number;
  #count = 0;
  /** Rate of the steps that pass all of the cell, from below it. */
  #passing = 0;

  constructor(table: BatchTable, begins: Float64Array) {
    const { instances, models } = table.shared;
    this.#table = table;
    this.#begins = begins;
    this.#ends = new Float64Array(table.cells + 2);
    this.#rates = new Float64Array(4 * models.length);
    this.#lengths = new Float64Array(4 * models.length);
    // The first of c equal batches at random stages ends after a time with this spread, relative to its mean.
    this.#apart = gapSpread * Math.sqrt((instances - 1) / (instances + 1));
  }

  /** @param lastIdle probability that only one instance is idle where one is. */
  addFromIdle(lastIdle: number): void {
    const { cellMs, largeProbability, smallMs, largeMs, serviceMs, shared } = this.#table;
    const { instances, models } = shared;
    const gaps = instances > 1 ? gapsWhenLastIsTaken(this.#table, this.#begins) : [];
    for (const [model, { arrivalsPerMs }] of models.entries()) {
      const at = this.#table.at(model, 0);
      const rate = lastIdle * arrivalsPerMs * certain(this.#begins[at]);
      if (instances === 1) {
        const large = certain(largeProbability[at]);
        this.#pass(1, certain(smallMs[at]) / cellMs, rate * (1 - large));
        this.#pass(1, certain(largeMs[at]) / cellMs, rate * large);
      }
      for (const { ms, probability } of gaps)
        this.#pass(1, Math.min(ms, certain(serviceMs[at])) / cellMs, rate * probability);
    }
  }

  /**
   * Share of times at a place, relative to those with an idle instance; places are asked for in turn.
   *
   * @param below sum of the shares so far.
   */
  shareOf(place: number, below: number): number {
    const { cellMs } = this.#table;
    this.#passing = Math.max(0, this.#passing + certain(this.#ends[place - 1]));
    this.#collect(place);
    // Levels are spread evenly over a cell: a step of a length of l cells passes so much of its own.
    let own = 0;
    for (let step = 0; step < this.#count; step++) {
      const length = certain(this.#lengths[step]);
      own += certain(this.#rates[step]) * (length < 1 ? length * (1 - length / 2) : 0.5);
    }
    const entered = this.#passing * cellMs;
    const share = Math.min(entered / Math.max(1 - own * cellMs, leastFalling), mostGrowth * below);
    for (let step = 0; step < this.#count; step++) {
      const length = certain(this.#lengths[step]);
      this.#pass(
        place + 1,
        length < 1 ? (length * length) / 2 : length - 0.5,
        certain(this.#rates[step]) * share,
      );
    }
    return share;
  }

  /** From the lower end of a place's cell; one that ends beyond the grid never ends. */
  #pass(place: number, length: number, rate: number): void {
    const { cells } = this.#table;
    if (place > cells) return;
    const start = place - 1;
    const end = start + length;
    const ends = this.#ends;
    ends[start] = certain(ends[start]) + rate;
    if (end >= cells) return;
    const cell = Math.floor(end);
    const part = rate * (end - cell);
    ends[cell] = certain(ends[cell]) - rate + part;
    ends[cell + 1] = certain(ends[cell + 1]) - part;
  }

  #collect(place: number): void {
    const { cellMs, largeProbability, smallMs, largeMs, serviceMs, size, shared } = this.#table;
    const { instances, models } = shared;
    const cellsPerMs = 1 / (instances * cellMs);
    this.#count = 0;
    for (let model = 0; model < models.length; model++) {
      const at = this.#table.at(model, place);
      const begin = certain(this.#begins[at]);
      const { arrivalsPerMs, baseMs, maxBatchSize } = certain(models[model]);
      const openCells = (certain(size[at]) - 1) / (arrivalsPerMs * cellMs);
      const part = stepPart(begin, openCells);
      const rate = (arrivalsPerMs * begin) / part;
      const large = rate * certain(largeProbability[at]);
      const smallCells = part * certain(smallMs[at]) * cellsPerMs;
      const largeCells = part * certain(largeMs[at]) * cellsPerMs;
      if (instances === 1) {
        this.#step(rate - large, smallCells);
        this.#step(large, largeCells);
        continue;
      }
      const ms = certain(serviceMs[at]);
      const apart = ms > 0 ? this.#apart * (1 - 1 / maxBatchSize) * (baseMs / ms) : 0;
      this.#step((rate - large) / 2, smallCells * (1 - apart));
      this.#step((rate - large) / 2, smallCells * (1 + apart));
      this.#step(large / 2, largeCells * (1 - apart));
      this.#step(large / 2, largeCells * (1 + apart));
    }
  }

  #step(rate: number, length: number): void {
    this.#rates[this.#count] = rate;
    this.#lengths[this.#count] = length;
    this.#count++;
  }
}

/** Probability that only one instance is idle where one is: Erlang's, as if batches came at random. */
function lastIdleShare(table: BatchTable, begins: Float64Array): number {
  const { instances, models } = table.shared;
  let offered = 0;
  for (const [model, { arrivalsPerMs }] of models.entries()) {
    const at = table.at(model, 0);
    offered += arrivalsPerMs * certain(begins[at]) * certain(table.serviceMs[at]);
  }
  // The recursion of Erlang's loss formula, from one place on.
  let share = 1;
  for (let busy = 1; busy < instances; busy++) share = (offered * share) / (busy + offered * share);
  return share;
}

/** Points of the quadrature by Gauss and Legendre on 0…1, with their weights. */
const quadrature = [
  { at: 0.06943184420297371, probability: 0.17392742256872693 },
  { at: 0.33000947820757187, probability: 0.32607257743127307 },
  { at: 0.6699905217924281, probability: 0.32607257743127307 },
  { at: 0.9305681557970263, probability: 0.17392742256872693 },
];

/**
 * When the first of all instances but one is free again, at a random time while all of them are busy: the least of so
 * many residual times. One exceeds t with probability R(t) = Σ_m rate_m·max(0, S_m - t) / Σ_m rate_m·S_m.
 */
function gapsWhenLastIsTaken(
  table: BatchTable,
  begins: Float64Array,
): readonly { readonly ms: number; readonly probability: number }[] {
  const { instances, models } = table.shared;
  const batches = models
    .map(({ arrivalsPerMs }, model) => {
      const at = table.at(model, 0);
      return { rate: arrivalsPerMs * certain(begins[at]), ms: certain(table.serviceMs[at]) };
    })
    .toSorted((a, b) => b.ms - a.ms);
  const all = batches.reduce((sum, { rate, ms }) => sum + rate * ms, 0);
  return quadrature.map(({ at, probability }) => {
    const wanted = all * at ** (1 / (instances - 1));
    // From the longest time down, the area grows by the rate of all that are longer.
    let area = 0;
    let rates = 0;
    let ms = certain(batches[0]).ms;
    for (const batch of batches) {
      const more = rates * (ms - batch.ms);
      if (area + more >= wanted) break;
      area += more;
      ms = batch.ms;
      rates += batch.rate;
    }
    return { ms: rates > 0 ? Math.max(0, ms - (wanted - area) / rates) : 0, probability };
  });
}
