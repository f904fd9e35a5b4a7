import { certain } from "../../certain.ts";
import { LevelChain } from "./level-chain.ts";
import { fillPoisson, probabilityOf, type Band } from "./poisson.ts";

/** One model on one instance, and how often it is asked. */
export interface BatchService {
  readonly arrivalsPerMs: number;
  readonly baseMs: number;
  readonly perRequestMs: number;
  readonly maxBatchSize: number;
  readonly maxQueueDelayMs: number;
}

/** Requests that wait as a batch starts, those of the batch among them. */
export interface BatchStarts {
  /** Numbers of requests, ascending from 1. */
  readonly levels: Int32Array;
  /** Of all starts; numbers between two levels count in parts as the one below and the one above. */
  readonly shares: Float64Array;
  /** The last level stands for all above it too, each of which is as frequent as the one before times this. */
  readonly tailRatio: number;
}

export function serviceMs(service: BatchService, batch: number): number {
  return service.baseMs + service.perRequestMs * batch;
}

/**
 * How long after the start of a batch the requests that it left behind may be held back at most. The oldest is taken to
 * have come as long before the start as so many arrivals take.
 */
export function dueOfLeftMs({ maxQueueDelayMs, arrivalsPerMs }: BatchService, left: number): number {
  return Math.max(0, maxQueueDelayMs - left / arrivalsPerMs);
}

/**
 * Solves the chain of the requests that wait as one batch after the other starts; exact but for batches that leave
 * requests behind which are then held back.
 *
 * A batch takes k = min(q, M) of q requests and s = a + b·k ms. Where it leaves none behind and the next request comes
 * u after its start, the next batch starts at max(s, min(u + d, time of the M-th arrival)). With d' = min(d, s) and
 * Poisson probabilities P(mean; n), j requests wait then with probability
 *
 *   j < M: P(λs; j)·(1 - (d'/s)^j) + exp(-λ(s - d'))·P(λd; j - 1)
 *   j = M: P(λs; M) + P(λs; M - 1)·(d'/s)^(M - 1) + max(0, P(M - 1 or more in d) - P(M - 1 or more in s))
 *   j > M: P(λs; j)
 */
export function solveBatchStarts(service: BatchService): BatchStarts {
  const { arrivalsPerMs, maxBatchSize, maxQueueDelayMs } = service;
  const last = largestWaiting(service);
  const levels = levelsUpTo(last, maxBatchSize);
  const chain = new LevelChain(levels);
  const counts = new Float64Array(countsRoom(last));
  const held = new Float64Array(maxBatchSize);
  const heldBand = fillPoisson(arrivalsPerMs * maxQueueDelayMs, held);
  for (const level of levels) {
    if (level <= maxBatchSize) addStepsOfBatch(chain, service, level, counts, held, heldBand);
  }
  if (last <= maxBatchSize) return { levels, shares: chain.stationary(), tailRatio: 0 };

  const ms = serviceMs(service, maxBatchSize);
  const band = fillPoisson(arrivalsPerMs * ms, counts);
  for (const level of levels) {
    if (level > maxBatchSize && level < last)
      addStepsOfLeft(chain, service, level - maxBatchSize, counts, band);
  }
  const tailRatio = tailRatioOf(maxBatchSize, arrivalsPerMs * ms);
  // From the last level with all above it, in geometric proportions; how often it leads to itself does not matter.
  let share = 0;
  for (let count = 0; count < maxBatchSize; count++) {
    share = share * tailRatio + probabilityOf(count, counts, band) * (1 - tailRatio);
    chain.add(last, last - maxBatchSize + count, share);
  }
  return { levels, shares: chain.stationary(), tailRatio };
}

/** Standard deviations of a Poisson count, and a few requests, that are never exceeded as far as anybody can tell. */
const widthDeviations = 8;
const leastWidth = 10;

/**
 * A number of waiting requests that no batch time can exceed; where there is none below the largest batch, one so far
 * above it that only the slowest part of the tail is left, which is geometric.
 */
function largestWaiting(service: BatchService): number {
  const { arrivalsPerMs, maxBatchSize, maxQueueDelayMs } = service;
  for (let batch = 1; batch < maxBatchSize; batch++) {
    const mean = arrivalsPerMs * Math.max(serviceMs(service, batch), maxQueueDelayMs);
    if (mean + widthDeviations * Math.sqrt(mean) + leastWidth < batch) return batch;
  }
  return maxBatchSize + Math.ceil(widthDeviations * Math.sqrt(maxBatchSize)) + leastWidth;
}

/** Steps between levels over the square root of the level: a third of the spread of as many Poisson arrivals. */
const coarseness = 1 / 3;

/**
 * Numbers from 1 to the last, the largest batch among them. Steps grow as the spread of a Poisson count does, so that
 * what is lost between levels is a small part of that spread, and batches of hundreds take no longer than of dozens.
 */
function levelsUpTo(last: number, maxBatchSize: number): Int32Array {
  const levels: number[] = [];
  for (let level = 1; level < last; level += Math.max(1, Math.floor(coarseness * Math.sqrt(level)))) {
    if ((levels.at(-1) ?? 0) < maxBatchSize && level > maxBatchSize) levels.push(maxBatchSize);
    levels.push(level);
  }
  levels.push(last);
  return Int32Array.from(levels);
}

/** Numbers of arrivals that are kept where the chain has levels up to the last. */
export function countsRoom(last: number): number {
  return Math.ceil(2 * last + 12 * Math.sqrt(last) + 60);
}

/** What follows a batch that leaves nothing behind. */
function addStepsOfBatch(
  chain: LevelChain,
  service: BatchService,
  batch: number,
  counts: Float64Array,
  held: Float64Array,
  heldBand: Band,
): void {
  const { arrivalsPerMs, maxBatchSize, maxQueueDelayMs } = service;
  const ms = serviceMs(service, batch);
  const band = fillPoisson(arrivalsPerMs * ms, counts);
  const delayMs = Math.min(maxQueueDelayMs, ms);
  const late = delayMs > 0 ? delayMs / ms : 0;
  const first = Math.max(band.first, 1);
  let allLate = late ** first;
  for (let count = first; count <= band.last; count++, allLate *= late)
    chain.add(batch, count, certain(counts[count]) * (count < maxBatchSize ? 1 - allLate : 1));
  const holds = Math.exp(-arrivalsPerMs * (ms - delayMs));
  const end = Math.min(heldBand.last, maxBatchSize - 2);
  for (let count = heldBand.first; count <= end; count++)
    chain.add(batch, count + 1, holds * certain(held[count]));
  const filledLate = probabilityOf(maxBatchSize - 1, counts, band) * late ** (maxBatchSize - 1);
  const filledHeld = maxQueueDelayMs > ms ? filledBetween(maxBatchSize, counts, band, held, heldBand) : 0;
  chain.add(batch, maxBatchSize, filledLate + filledHeld);
}

/** Probability that a batch is not full after the shorter time but is after the longer, counted from its first request. */
export function filledBetween(
  maxBatchSize: number,
  shorter: Float64Array,
  shorterBand: Band,
  longer: Float64Array,
  longerBand: Band,
): number {
  const most = maxBatchSize - 2;
  return Math.max(0, sumUpTo(most, shorter, shorterBand) - sumUpTo(most, longer, longerBand));
}

function sumUpTo(most: number, probabilities: Float64Array, { first, last }: Band): number {
  let sum = 0;
  for (let n = first; n <= Math.min(last, most); n++) sum += certain(probabilities[n]);
  return sum;
}

/** What follows a full batch that leaves requests behind; `counts` are of the arrivals during it. */
function addStepsOfLeft(
  chain: LevelChain,
  service: BatchService,
  left: number,
  counts: Float64Array,
  band: Band,
): void {
  const { arrivalsPerMs, maxBatchSize } = service;
  const from = maxBatchSize + left;
  const dueMs = dueOfLeftMs(service, left);
  if (dueMs <= serviceMs(service, maxBatchSize) || left >= maxBatchSize) {
    for (let count = band.first; count <= band.last; count++)
      chain.add(from, left + count, certain(counts[count]));
    return;
  }
  const held = new Float64Array(maxBatchSize - left);
  const heldBand = fillPoisson(arrivalsPerMs * dueMs, held);
  let rest = 1;
  const add = (to: number, probability: number): void => {
    rest -= probability;
    chain.add(from, to, probability);
  };
  for (let count = heldBand.first; count <= heldBand.last; count++) add(left + count, certain(held[count]));
  for (let count = Math.max(band.first, maxBatchSize - left + 1); count <= band.last; count++)
    add(left + count, certain(counts[count]));
  chain.add(from, maxBatchSize, rest);
}

/**
 * Above the largest batch the chain looks the same everywhere, so that far above it shares fall by 1/z from one number
 * to the next, where z > 1 and z^M = exp(A·(z - 1)) with A arrivals expected in a full batch, A < M.
 */
function tailRatioOf(maxBatchSize: number, arrivals: number): number {
  // In x = ln z: A·(e^x - 1) - M·x = 0. It is convex, so that Newton's steps from above fall to the root.
  const excess = (x: number): number => arrivals * Math.expm1(x) - maxBatchSize * x;
  let x = 2 * Math.log(maxBatchSize / arrivals);
  while (excess(x) < 0) x *= 2;
  for (let step = 0; step < mostNewtonSteps; step++) {
    const next = x - excess(x) / (arrivals * Math.exp(x) - maxBatchSize);
    if (!(next > 0 && next < x)) break;
    x = next;
  }
  return Math.exp(-x);
}

/** Each halves the distance at least; five or six bring all digits. */
const mostNewtonSteps = 60;
