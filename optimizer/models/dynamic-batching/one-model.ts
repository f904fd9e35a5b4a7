import { certain } from "../../certain.ts";
import {
  serviceMs,
  solveBatchStarts,
  type BatchService,
  type BatchStarts,
  type Gap,
} from "./batch-starts.ts";
import type { BatchingTimes } from "./batching-prediction.ts";
import { fillPoisson } from "./poisson.ts";
import { RequestTimes } from "./request-times.ts";

/** What the requests of one model on a replica of their own meet; the rate is below saturation. */
export function predictOneModel(service: BatchService, instances: number): BatchingTimes {
  if (instances === 1) {
    const gapsOf = (batch: number) => [{ ms: serviceMs(service, batch), probability: 1 }];
    return new RequestTimes(service, solveBatchStarts(service, gapsOf, fine), gapsOf, 1).times();
  }
  let starts: BatchStarts = {
    levels: Int32Array.of(Math.ceil(typicalBatch(service, instances))),
    shares: Float64Array.of(1),
    tailRatio: 0,
  };
  let gapsOf = gapsAmong(service, instances, starts);
  for (let round = 0; round < rounds; round++) {
    starts = solveBatchStarts(service, gapsOf, coarse);
    if (round + 1 < rounds) gapsOf = gapsAmong(service, instances, starts);
  }
  return new RequestTimes(
    service,
    starts,
    gapsOf,
    startsWhileIdle(service, instances, meanServiceMs(service, starts)),
  ).times();
}

const fine = 1 / 3;
const coarse = 0.7;
const rounds = 4;

function typicalBatch(service: BatchService, instances: number): number {
  const { arrivalsPerMs, baseMs, perRequestMs, maxBatchSize } = service;
  const perInstance = arrivalsPerMs / instances;
  const load = perInstance * perRequestMs;
  return load < 1 ? Math.min(maxBatchSize, Math.max(1, (perInstance * baseMs) / (1 - load))) : maxBatchSize;
}

function meanServiceMs(service: BatchService, { levels, shares }: BatchStarts): number {
  let ms = 0;
  for (let state = 0; state < levels.length; state++)
    ms += certain(shares[state]) * serviceMs(service, Math.min(certain(levels[state]), service.maxBatchSize));
  return ms;
}

/** n_b = 1 + (b·mu/x)·n_{b-1}. */
function startsWhileIdle(service: BatchService, instances: number, meanMs: number): number {
  const { arrivalsPerMs, maxBatchSize, maxQueueDelayMs } = service;
  const held = new Float64Array(maxBatchSize);
  const band = fillPoisson(arrivalsPerMs * maxQueueDelayMs, held);
  let batch = maxBatchSize;
  for (let n = band.first; n <= Math.min(band.last, maxBatchSize - 1); n++)
    batch -= certain(held[n]) * (maxBatchSize - 1 - n);
  const startsPerMs = arrivalsPerMs / batch;
  let starts = 1;
  for (let busy = 1; busy < instances; busy++) starts = 1 + (busy / meanMs / startsPerMs) * starts;
  return starts;
}

const legendre = [
  [0.04691007703066802, 0.11846344252809454],
  [0.23076534494715845, 0.23931433524968324],
  [0.5, 0.28444444444444444],
  [0.7692346550528415, 0.23931433524968324],
  [0.953089922969332, 0.11846344252809454],
] as const;

function gapsAmong(
  service: BatchService,
  instances: number,
  starts: BatchStarts,
): (batch: number) => readonly Gap[] {
  const { levels, shares } = starts;
  const meanMs = meanServiceMs(service, starts);
  // Survival of the residual: sum share (s - t)+ / mean, knots at s of each level.
  const residuals = legendre.map(([v, probability]) => {
    const wanted = v ** (1 / (instances - 1)) * meanMs;
    // From the largest down: area above t.
    let area = 0;
    let mass = 0;
    let t = serviceMs(service, Math.min(certain(levels.at(-1)), service.maxBatchSize));
    for (let state = levels.length - 1; state >= 0; state--) {
      const s = serviceMs(service, Math.min(certain(levels[state]), service.maxBatchSize));
      const more = mass * (t - s);
      if (area + more >= wanted) break;
      area += more;
      t = s;
      mass += certain(shares[state]);
    }
    return { ms: Math.max(0, t - (wanted - area) / mass), probability };
  });
  return (batch) => {
    const own = serviceMs(service, batch);
    return residuals.map(({ ms, probability }) => ({ ms: Math.min(ms, own), probability }));
  };
}
