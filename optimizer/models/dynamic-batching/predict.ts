/**
 * The analytic model of request/response servers with dynamic batching, such as Triton.
 *
 * Requests arrive at random (Poisson). A batch of n requests of one model takes `baseMs + perRequestMs·n`. A free
 * instance takes the batch whose oldest request is the oldest of all, if it is full or that request has waited for the
 * queue delay. The simulation in ../../simulation/simulate-dynamic-batching.ts is the reference.
 */
import type {
  BatchingPrediction,
  BatchingReplica,
  BatchingTimes,
  BatchingTraffic,
} from "./batching-prediction.ts";
import { predictOneModel } from "./one-model.ts";
import { predictSharedInstances } from "./shared-instances.ts";

export type { BatchingPrediction, BatchingReplica, BatchingTimes, BatchingTraffic };

const msPerSecond = 1000;

/**
 * One model on one instance is solved exactly but for details; several models or instances are approximated, see
 * {@link predictSharedInstances}.
 *
 * Times at and above saturation are infinite. Below it they grow with the rate where nothing is held back: without
 * exception for one model on one instance; else a mean may fall by 1 % at most and a percentile by a few. With a queue
 * delay all of them fall with the rate first, as batches fill sooner: a target that holds at a high rate may break at a
 * lower one, and is to be checked at the planned rate itself. Requests that a full queue refuses are not modelled.
 *
 * Throws a RangeError for what is out of range.
 */
export function predictBatching(replica: BatchingReplica, ratePerSecond: number): BatchingPrediction {
  check(replica);
  if (!(ratePerSecond > 0 && ratePerSecond < Number.POSITIVE_INFINITY))
    throw new RangeError(`ratePerSecond ${ratePerSecond} must be above 0 and finite`);
  const saturationPerSecond = batchingSaturationPerSecond(replica);
  const utilisation = ratePerSecond / saturationPerSecond;
  const times =
    utilisation < 1
      ? timesBelowSaturation(replica, ratePerSecond / msPerSecond, utilisation)
      : overloaded(replica);
  return {
    ...times,
    utilisation,
    saturationPerSecond,
    throughputPerSecond: Math.min(ratePerSecond, saturationPerSecond),
  };
}

/** One request at a time, nobody else on the replica: it waits for nothing but the queue delay. */
export function predictBatchingAlone(replica: BatchingReplica): BatchingPrediction {
  check(replica);
  const times = replica.traffic.map(({ baseMs, perRequestMs, maxBatchSize }): BatchingTimes => {
    const queueMs = maxBatchSize > 1 ? replica.maxQueueDelayMs : 0;
    const ms = queueMs + baseMs + perRequestMs;
    return {
      latencyMs: { mean: ms, p50: ms, p95: ms, p99: ms },
      queueMs: { mean: queueMs },
      meanBatchSize: 1,
    };
  });
  return {
    overall: overallAlone(replica, times),
    traffic: times,
    utilisation: 0,
    saturationPerSecond: batchingSaturationPerSecond(replica),
    throughputPerSecond: 0,
  };
}

/** Requests a second while requests of every model always wait; infinite where they take no time. */
export function batchingSaturationPerSecond({ instances, traffic }: BatchingReplica): number {
  const msPerRequest = sumInOrder(
    traffic.map(
      ({ share, baseMs, perRequestMs, maxBatchSize }) => share * (baseMs / maxBatchSize + perRequestMs),
    ),
  );
  return (instances * msPerSecond) / msPerRequest;
}

/** From the smallest to the largest, so that the order of models does not show in the last digits. */
function sumInOrder(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b).reduce((sum, value) => sum + value, 0);
}

function timesBelowSaturation(
  replica: BatchingReplica,
  arrivalsPerMs: number,
  utilisation: number,
): Pick<BatchingPrediction, "overall" | "traffic"> {
  const { instances, maxQueueDelayMs, traffic } = replica;
  const models = traffic.map(({ share, baseMs, perRequestMs, maxBatchSize }) => ({
    arrivalsPerMs: share * arrivalsPerMs,
    baseMs,
    perRequestMs,
    maxBatchSize,
  }));
  const [first, second] = models;
  if (first === undefined || second !== undefined || instances > 1)
    return predictSharedInstances({ instances, maxQueueDelayMs, models }, utilisation);
  const times = predictOneModel({ ...first, maxQueueDelayMs });
  return { overall: times, traffic: [times] };
}

function overloaded({ traffic }: BatchingReplica): Pick<BatchingPrediction, "overall" | "traffic"> {
  const forever = Number.POSITIVE_INFINITY;
  const latencyMs = { mean: forever, p50: forever, p95: forever, p99: forever };
  const full = (meanBatchSize: number): BatchingTimes => ({
    latencyMs,
    queueMs: { mean: forever },
    meanBatchSize,
  });
  const batchesPerRequest = sumInOrder(traffic.map(({ share, maxBatchSize }) => share / maxBatchSize));
  return {
    overall: full(1 / batchesPerRequest),
    traffic: traffic.map(({ maxBatchSize }) => full(maxBatchSize)),
  };
}

function overallAlone({ traffic }: BatchingReplica, times: readonly BatchingTimes[]): BatchingTimes {
  const weighed = times
    .map(({ latencyMs, queueMs }, index) => ({
      ms: latencyMs.mean,
      queueMs: queueMs.mean,
      share: traffic[index]?.share ?? 0,
    }))
    .toSorted((a, b) => a.ms - b.ms || a.share - b.share);
  const total = weighed.reduce((sum, { share }) => sum + share, 0);
  const mean = (of: (one: { ms: number; queueMs: number }) => number): number =>
    weighed.reduce((sum, one) => sum + one.share * of(one), 0) / total;
  const quantile = (wanted: number): number => {
    let reached = 0;
    for (const { ms, share } of weighed) {
      reached += share;
      if (reached >= wanted * total) return ms;
    }
    return weighed.at(-1)?.ms ?? 0;
  };
  return {
    latencyMs: { mean: mean(({ ms }) => ms), p50: quantile(0.5), p95: quantile(0.95), p99: quantile(0.99) },
    queueMs: { mean: mean(({ queueMs }) => queueMs) },
    meanBatchSize: 1,
  };
}

function check({ instances, maxQueueDelayMs, traffic }: BatchingReplica): void {
  wholeNumber("instances", instances);
  timeMs("maxQueueDelayMs", maxQueueDelayMs);
  if (traffic.length === 0) throw new RangeError("traffic must not be empty");
  let shares = 0;
  for (const [index, { share, baseMs, perRequestMs, maxBatchSize }] of traffic.entries()) {
    if (!(share > 0 && share <= 1 + sharesPrecision))
      throw new RangeError(`traffic[${index}].share ${share} must be above 0 and at most 1`);
    timeMs(`traffic[${index}].baseMs`, baseMs);
    timeMs(`traffic[${index}].perRequestMs`, perRequestMs);
    wholeNumber(`traffic[${index}].maxBatchSize`, maxBatchSize);
    shares += share;
  }
  if (Math.abs(shares - 1) > sharesPrecision)
    throw new RangeError(`the shares of traffic sum to ${shares}, not to 1`);
}

/** What rounding may add up to. */
const sharesPrecision = 1e-6;

function wholeNumber(name: string, value: number): void {
  if (!(Number.isSafeInteger(value) && value >= 1))
    throw new RangeError(`${name} ${value} must be a whole number of at least 1`);
}

function timeMs(name: string, value: number): void {
  if (!(value >= 0 && value < Number.POSITIVE_INFINITY))
    throw new RangeError(`${name} ${value} must be at least 0 and finite`);
}
