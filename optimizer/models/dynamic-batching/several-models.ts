import { certain } from "../../certain.ts";
import type { BatchingReplica, BatchingTimes, BatchingTraffic } from "./batching-prediction.ts";
import { LatencyMixture } from "./latency-mixture.ts";

export function predictSeveralModels(
  replica: BatchingReplica,
  arrivalsPerMs: number,
): { overall: BatchingTimes; traffic: readonly BatchingTimes[] } {
  const models = replica.traffic.map((traffic) => new ModelBatches(traffic, traffic.share * arrivalsPerMs));
  const backlog = solveBacklog(models, replica.instances);
  const results = models.map((model) => timesOf([model], backlog, replica));
  return { overall: timesOf(models, backlog, replica), traffic: results };
}

class ModelBatches {
  readonly arrivalsPerMs: number;
  readonly traffic: BatchingTraffic;
  constructor(traffic: BatchingTraffic, arrivalsPerMs: number) {
    this.traffic = traffic;
    this.arrivalsPerMs = arrivalsPerMs;
  }
  size(waitMs: number): number {
    return Math.min(this.traffic.maxBatchSize, 1 + this.arrivalsPerMs * waitMs);
  }
  serviceMs(size: number): number {
    return this.traffic.baseMs + this.traffic.perRequestMs * size;
  }
}

interface Backlog {
  readonly cellMs: number;
  readonly none: number;
  readonly density: Float64Array;
}

const mostCells = 8192;

function solveBacklog(models: readonly ModelBatches[], instances: number): Backlog {
  let scale = 0;
  for (const model of models) scale += model.traffic.share * model.serviceMs(1);
  let cellMs = Math.max(scale / 16 / instances, 1e-9);
  for (; ; cellMs *= 2) {
    const density = new Float64Array(mostCells);
    const ends = new Float64Array(mostCells + 1);
    let active = 0;
    let total = 0;
    const push = (waitMs: number, start: number, weight: number, model: ModelBatches): void => {
      const size = model.size(waitMs);
      const to = start + model.serviceMs(size) / instances / cellMs;
      const rate = (weight * model.arrivalsPerMs) / size;
      active += rate;
      const cell = Math.floor(to);
      if (cell >= mostCells) return;
      const part = to - cell;
      ends[cell] = certain(ends[cell]) + rate * (1 - part);
      ends[cell + 1] = certain(ends[cell + 1]) + rate * part;
    };
    for (const model of models) push(0, 0, 1, model);
    let cells = 0;
    for (; cells < mostCells; cells++) {
      active -= certain(ends[cells]);
      if (active * cellMs < 1e-9 * (total + 1)) break;
      density[cells] = active;
      const mass = active * cellMs;
      total += mass;
      for (const model of models) push((cells + 0.5) * cellMs, cells + 1, mass, model);
    }
    if (cells < mostCells) {
      const none = 1 / (1 + total);
      return { cellMs, none, density: density.slice(0, cells).map((value) => value * none * cellMs) };
    }
  }
}

function timesOf(
  models: readonly ModelBatches[],
  { cellMs, none, density }: Backlog,
  _replica: BatchingReplica,
): BatchingTimes {
  let fromMs = Number.POSITIVE_INFINITY;
  let toMs = 0;
  for (const model of models) {
    fromMs = Math.min(fromMs, model.serviceMs(1));
    toMs = Math.max(toMs, model.serviceMs(model.size(density.length * cellMs)));
  }
  const mixture = new LatencyMixture(fromMs, toMs + density.length * cellMs);
  let requests = 0;
  let queue = 0;
  let service = 0;
  let batches = 0;
  for (const model of models) {
    for (let cell = -1; cell < density.length; cell++) {
      const waitMs = cell < 0 ? 0 : (cell + 0.5) * cellMs;
      const weight = model.arrivalsPerMs * (cell < 0 ? none : certain(density[cell]));
      const size = model.size(waitMs);
      const batchMs = model.serviceMs(size);
      const lastMs = waitMs - (size - 1) / model.arrivalsPerMs;
      mixture.add(lastMs + batchMs, waitMs + batchMs, weight);
      requests += weight;
      batches += weight / size;
      queue += (weight * (lastMs + waitMs)) / 2;
      service += weight * batchMs;
    }
  }
  const [p50 = 0, p95 = 0, p99 = 0] = mixture.quantiles([0.5, 0.95, 0.99]);
  return {
    latencyMs: { mean: (queue + service) / requests, p50, p95, p99 },
    queueMs: { mean: queue / requests },
    meanBatchSize: requests / batches,
  };
}
