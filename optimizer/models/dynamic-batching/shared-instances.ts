import { certain } from "../../certain.ts";
import { solveBacklog, type Backlog } from "./backlog.ts";
import type { SharedInstances, SharingModel } from "./batch-table.ts";
import type { BatchingPrediction, BatchingTimes } from "./batching-prediction.ts";
import { LatencyMixture } from "./latency-mixture.ts";

/**
 * Utilisation up to which the backlog is solved. Above it a grid that reaches as far as the backlog does would no longer
 * show single batches; times then grow as in every queue that nears saturation, by 1/(1 - utilisation).
 */
const mostSolved = 0.85;

/**
 * What requests meet whose models share instances, or who have several instances to themselves: an approximation, see
 * {@link solveBacklog}. The utilisation is that of the models' rates, below 1.
 */
export function predictSharedInstances(
  shared: SharedInstances,
  utilisation: number,
): Pick<BatchingPrediction, "overall" | "traffic"> {
  const solved = Math.min(1, mostSolved / utilisation);
  // Sums depend on their order in the last digits: the same models always come in the same one.
  const order = [...shared.models.entries()].toSorted(([, a], [, b]) => compareModels(a, b));
  const models = order.map(([, model]) => ({ ...model, arrivalsPerMs: model.arrivalsPerMs * solved }));
  const backlog = solveBacklog({ ...shared, models });
  const growth = Math.max(1, (1 - mostSolved) / (1 - utilisation));
  const ordered = order.map(([index, { maxBatchSize }], position) => ({
    index,
    times: grown(timesOf(backlog, [position]), growth, maxBatchSize),
  }));
  const traffic = ordered.toSorted((a, b) => a.index - b.index).map(({ times }) => times);
  const [first, second] = traffic;
  if (first !== undefined && second === undefined) return { overall: first, traffic };
  const overall = timesOf(backlog, [...order.keys()]);
  return { overall: grown(overall, growth, fullBatchSize(models)), traffic };
}

/** Waits are as many times longer; batches fill up. */
function grown(times: BatchingTimes, growth: number, fullSize: number): BatchingTimes {
  if (growth === 1) return times;
  const { mean, p50, p95, p99 } = times.latencyMs;
  const serviceMs = mean - times.queueMs.mean;
  const grow = (ms: number): number => ms + (growth - 1) * Math.max(0, ms - serviceMs);
  return {
    latencyMs: { mean: grow(mean), p50: grow(p50), p95: grow(p95), p99: grow(p99) },
    queueMs: { mean: growth * times.queueMs.mean },
    meanBatchSize: fullSize - (fullSize - times.meanBatchSize) / growth,
  };
}

/** Requests over batches where all batches are full. */
function fullBatchSize(models: readonly SharingModel[]): number {
  let requests = 0;
  let batches = 0;
  for (const { arrivalsPerMs, maxBatchSize } of models) {
    requests += arrivalsPerMs;
    batches += arrivalsPerMs / maxBatchSize;
  }
  return requests / batches;
}

function compareModels(a: SharingModel, b: SharingModel): number {
  return (
    a.arrivalsPerMs - b.arrivalsPerMs ||
    a.baseMs - b.baseMs ||
    a.perRequestMs - b.perRequestMs ||
    a.maxBatchSize - b.maxBatchSize
  );
}

/** Of the grid of times: far more than the backlog has. */
const gridCells = 1024;

function timesOf({ table, shares, begins }: Backlog, chosen: readonly number[]): BatchingTimes {
  let fromMs = Number.POSITIVE_INFINITY;
  let toMs = 0;
  for (const model of chosen) {
    const last = table.at(model, table.cells);
    fromMs = Math.min(fromMs, certain(table.smallMs[table.at(model, 0)]));
    toMs = Math.max(toMs, certain(table.waitMs[last]) + certain(table.largeMs[last]));
  }
  const sum = new RequestSum(new LatencyMixture(fromMs, toMs, gridCells));
  for (const model of chosen) {
    const { arrivalsPerMs, maxBatchSize } = certain(table.shared.models[model]);
    // Every model is as frequent as its rate says, however well the rounds have settled.
    let perBatch = 0;
    for (let place = 0, at = table.at(model, 0); place <= table.cells; place++, at++)
      perBatch += certain(shares[place]) * certain(begins[at]) * certain(table.size[at]);
    const scale = arrivalsPerMs / perBatch;
    for (let place = 0, at = table.at(model, 0); place <= table.cells; place++, at++) {
      const batches = scale * certain(shares[place]) * certain(begins[at]);
      if (!(batches > 0)) continue;
      const waitMs = certain(table.waitMs[at]);
      // A batch that is full before it starts is open for a part of its wait only.
      const fullMs = Math.max(0, waitMs - (maxBatchSize - 1) / arrivalsPerMs);
      const large = batches * certain(table.largeProbability[at]);
      const smallSize = certain(table.smallSize[at]);
      const largeSize = certain(table.largeSize[at]);
      sum.add(
        batches - large,
        smallSize,
        certain(table.smallMs[at]),
        waitMs,
        smallSize < maxBatchSize ? 0 : fullMs,
      );
      sum.add(large, largeSize, certain(table.largeMs[at]), waitMs, largeSize < maxBatchSize ? 0 : fullMs);
    }
  }
  return sum.times();
}

class RequestSum {
  readonly #mixture: LatencyMixture;
  #batches = 0;
  #requests = 0;
  #queueMs = 0;
  #serviceMs = 0;

  constructor(mixture: LatencyMixture) {
    this.#mixture = mixture;
  }

  /** Batches of a size: the first request waits longest, the others come evenly until the last one. */
  add(batches: number, size: number, serviceMs: number, waitMs: number, lastMs: number): void {
    const others = batches * (size - 1);
    this.#mixture.add(waitMs + serviceMs, waitMs + serviceMs, batches);
    this.#mixture.add(lastMs + serviceMs, waitMs + serviceMs, others);
    this.#batches += batches;
    this.#requests += batches * size;
    this.#queueMs += batches * waitMs + (others * (lastMs + waitMs)) / 2;
    this.#serviceMs += batches * size * serviceMs;
  }

  times(): BatchingTimes {
    const [p50 = 0, p95 = 0, p99 = 0] = this.#mixture.quantiles([0.5, 0.95, 0.99]);
    const queueMs = this.#queueMs / this.#requests;
    return {
      latencyMs: { mean: queueMs + this.#serviceMs / this.#requests, p50, p95, p99 },
      queueMs: { mean: queueMs },
      meanBatchSize: this.#requests / this.#batches,
    };
  }
}
