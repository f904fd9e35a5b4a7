import { certain } from "../../certain.ts";
import type { BatchingTraffic } from "./batching-prediction.ts";

/** A model with a queue of its own, and how often it is asked. */
export type SharingModel = Omit<BatchingTraffic, "share"> & { readonly arrivalsPerMs: number };

/** Models whose batches run on the same instances. */
export interface SharedInstances {
  readonly instances: number;
  readonly maxQueueDelayMs: number;
  readonly models: readonly SharingModel[];
}

/**
 * What becomes of a batch that a request begins at a level of the backlog, for each model and each place of a grid of
 * levels. Place 0 is the level 0, place i > 0 stands for levels around (i - 1/2)·cellMs. Arrays hold the places of one
 * model after the other; {@link at} says where.
 *
 * The number of others that join in a wait is Poisson distributed. Two sizes stand for all: `small` and `large`, with
 * the first three moments of that distribution, cut off at the largest batch.
 */
export class BatchTable {
  readonly shared: SharedInstances;
  readonly cells: number;
  /** Length of a cell; at {@link fill}. */
  cellMs = 0;
  readonly smallSize: Float64Array;
  readonly largeSize: Float64Array;
  /** Probability of the larger of the two sizes. */
  readonly largeProbability: Float64Array;
  readonly smallMs: Float64Array;
  readonly largeMs: Float64Array;
  /** From the first request to the start. */
  readonly waitMs: Float64Array;
  /** Means over the two sizes. */
  readonly size: Float64Array;
  readonly serviceMs: Float64Array;

  constructor(shared: SharedInstances, cells: number) {
    const length = shared.models.length * (cells + 1);
    this.shared = shared;
    this.cells = cells;
    this.smallSize = new Float64Array(length);
    this.largeSize = new Float64Array(length);
    this.largeProbability = new Float64Array(length);
    this.smallMs = new Float64Array(length);
    this.largeMs = new Float64Array(length);
    this.waitMs = new Float64Array(length);
    this.size = new Float64Array(length);
    this.serviceMs = new Float64Array(length);
  }

  /** For levels up to a range. `ownLoad` is, of each model, its part of all load. */
  fill(rangeMs: number, ownLoad: Float64Array): void {
    this.cellMs = rangeMs / this.cells;
    for (const [index, model] of this.shared.models.entries())
      this.#fill(index, model, certain(ownLoad[index]));
  }

  at(model: number, place: number): number {
    return model * (this.cells + 1) + place;
  }

  levelMs(place: number): number {
    return place === 0 ? 0 : (place - 0.5) * this.cellMs;
  }

  #fill(index: number, model: SharingModel, ownLoad: number): void {
    const { arrivalsPerMs, baseMs, perRequestMs, maxBatchSize } = model;
    const delayMs = maxBatchSize > 1 ? this.shared.maxQueueDelayMs : 0;
    const holdMs = meanHoldMs(model, delayMs);
    for (let place = 0; place <= this.cells; place++) {
      const levelMs = this.levelMs(place);
      const joining = arrivalsPerMs * waitAt(levelMs, delayMs, ownLoad);
      // Two points with the mean, the variance and the third moment of a Poisson distribution.
      const root = Math.sqrt(joining + 0.25);
      const smallSize = Math.min(maxBatchSize, joining + 1.5 - root);
      const largeSize = Math.min(maxBatchSize, joining + 1.5 + root);
      const large = 0.5 - 0.25 / root;
      const at = this.at(index, place);
      const size = smallSize + large * (largeSize - smallSize);
      this.waitMs[at] = waitAt(levelMs, holdMs, ownLoad);
      this.smallSize[at] = smallSize;
      this.largeSize[at] = largeSize;
      this.largeProbability[at] = large;
      this.smallMs[at] = baseMs + perRequestMs * smallSize;
      this.largeMs[at] = baseMs + perRequestMs * largeSize;
      this.size[at] = size;
      this.serviceMs[at] = baseMs + perRequestMs * size;
    }
  }
}

/** How fast the hold of a batch passes into the wait for an instance; fitted to the simulation. */
const holdFading = 0.15;

/**
 * A batch of a model that is alone waits for the backlog or is held, whichever is longer. Where others share the
 * instances, an instance that was free while the batch was held may be taken when it is due: it then meets a backlog
 * again, as large as the one at its beginning; a backlog that outlasts the hold by far is all that it waits for.
 */
function waitAt(levelMs: number, holdMs: number, ownLoad: number): number {
  if (!(holdMs > 0)) return levelMs;
  const besideOthersMs = levelMs + holdMs / (1 + holdFading * (levelMs / holdMs) ** 2);
  return ownLoad * Math.max(levelMs, holdMs) + (1 - ownLoad) * besideOthersMs;
}

/** E[min(d, time of the (M - 1)-th arrival)]: the sum over n < M - 1 of P(more than n arrivals in d)/λ. */
function meanHoldMs({ arrivalsPerMs, maxBatchSize }: SharingModel, delayMs: number): number {
  const mean = arrivalsPerMs * delayMs;
  // So many come that the batch fills long before.
  if (mean > 2 * maxBatchSize + 700) return (maxBatchSize - 1) / arrivalsPerMs;
  let term = Math.exp(-mean);
  let notMore = 0;
  let sum = 0;
  for (let n = 0; n < maxBatchSize - 1; n++) {
    notMore += term;
    // Nothing is left to add, but what rounding leaves.
    if (notMore > 1 - 1e-14) break;
    sum += 1 - notMore;
    term *= mean / (n + 1);
  }
  return Math.min(delayMs, sum / arrivalsPerMs);
}
