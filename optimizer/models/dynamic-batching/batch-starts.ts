import { certain } from "../../certain.ts";
import { fillPoisson, type Band } from "./poisson.ts";
import { LevelChain } from "./level-chain.ts";

/** One model on one replica, and how often it is asked. */
export interface BatchService {
  readonly arrivalsPerMs: number;
  readonly baseMs: number;
  readonly perRequestMs: number;
  readonly maxBatchSize: number;
  readonly maxQueueDelayMs: number;
}

/** A time from the start of a batch to when an instance becomes free, with its probability. */
export interface Gap {
  readonly ms: number;
  readonly probability: number;
}

/** Requests that wait as a batch starts, those of the batch among them. */
export interface BatchStarts {
  /** Numbers of requests, ascending from 1. */
  readonly levels: Int32Array;
  /** Of all starts; numbers between two levels count in parts as the one below and the one above. */
  readonly shares: Float64Array;
  /** The last level stands for all above it, each of which is as frequent as the one before times this. */
  readonly tailRatio: number;
}

export function serviceMs(service: BatchService, batch: number): number {
  return service.baseMs + service.perRequestMs * batch;
}

/** Requests that a batch leaves behind have waited about as long as as many arrivals take; so long it is held yet. */
export function delayOfLeftMs({ maxQueueDelayMs, arrivalsPerMs }: BatchService, left: number): number {
  return Math.max(0, maxQueueDelayMs - left / arrivalsPerMs);
}

/**
 * Solves the chain of the requests that wait as one batch after the other starts.
 *
 * A batch takes k of q requests and leaves r = q - k; after a gap g an instance is free. With r = 0 and the first
 * arrival at u, the next batch starts at max(g, min(u + d, time of the M-th arrival)). With d' = min(d, g) and Poisson
 * probabilities P(mean; n), j requests wait then with probability
 *
 *   j < M: P(λg; j)·(1 - (d'/g)^j) + exp(-λ(g - d'))·P(λd; j - 1)
 *   j = M: P(λg; M) + P(λg; M - 1)·(d'/g)^(M - 1) + max(0, P(M - 1 or more in d) - P(M - 1 or more in g))
 *   j > M: P(λg; j)
 *
 * @param gapsOf by the number of requests in the batch that starts.
 * @param coarseness of the levels, see {@link levelsUpTo}.
 */
export function solveBatchStarts(
  service: BatchService,
  gapsOf: (batch: number) => readonly Gap[],
  coarseness: number,
): BatchStarts {
  const { maxBatchSize } = service;
  const last = largestWaiting(service, gapsOf);
  const levels = levelsUpTo(last, maxBatchSize, coarseness);
  const chain = new LevelChain(levels);
  const counts = new Float64Array(countsRoom(last));
  const held = new Float64Array(maxBatchSize);
  const heldBand = fillPoisson(service.arrivalsPerMs * service.maxQueueDelayMs, held);
  for (const batch of levels) {
    if (batch > maxBatchSize) break;
    for (const gap of gapsOf(batch)) addStepsOfBatch(chain, service, batch, gap, counts, held, heldBand);
  }
  if (last <= maxBatchSize) return { levels, shares: chain.stationary(), tailRatio: 0 };

  const gaps = gapsOf(maxBatchSize);
  const tailRatio = tailRatioOf(service, gaps);
  for (const gap of gaps) {
    const band = fillPoisson(service.arrivalsPerMs * gap.ms, counts);
    for (const level of levels) {
      if (level > maxBatchSize && level < last)
        addStepsOfLeft(chain, service, level - maxBatchSize, gap, counts, band);
    }
    // As many left as the last level says, and more of them in geometric proportions. Steps from it to itself do not matter.
    let share = 0;
    for (let count = 0; count < maxBatchSize; count++) {
      share = share * tailRatio + at(counts, band, count) * (1 - tailRatio);
      chain.add(last, last - maxBatchSize + count, gap.probability * share);
    }
  }
  return { levels, shares: chain.stationary(), tailRatio };
}

/**
 * Numbers from 1 to the last, the largest batch among them. Steps grow with the square root of the number, as the
 * spread of a Poisson count does, so that what is lost between levels is a small part of that spread.
 */
function levelsUpTo(last: number, maxBatchSize: number, coarseness: number): Int32Array {
  const levels: number[] = [];
  for (let level = 1; level < last; level += Math.max(1, Math.floor(coarseness * Math.sqrt(level)))) {
    const before = levels.at(-1) ?? 0;
    if (before < maxBatchSize && level > maxBatchSize) levels.push(maxBatchSize);
    levels.push(level);
  }
  levels.push(last);
  return Int32Array.from(levels);
}

/** Numbers of arrivals that are kept where a chain has states up to the last. */
export function countsRoom(last: number): number {
  return Math.ceil(2 * last + 12 * Math.sqrt(last) + 60);
}

/** What follows a batch that leaves nothing behind. */
function addStepsOfBatch(
  chain: LevelChain,
  service: BatchService,
  batch: number,
  { ms, probability }: Gap,
  counts: Float64Array,
  held: Float64Array,
  heldBand: Band,
): void {
  const { arrivalsPerMs, maxBatchSize, maxQueueDelayMs } = service;
  const band = fillPoisson(arrivalsPerMs * ms, counts);
  const delayMs = Math.min(maxQueueDelayMs, ms);
  const late = delayMs > 0 ? delayMs / ms : 0;
  let allLate = late ** Math.max(band.first, 1);
  for (let count = Math.max(band.first, 1); count <= band.last; count++, allLate *= late) {
    const share = count < maxBatchSize ? 1 - allLate : 1;
    chain.add(batch, count, probability * certain(counts[count]) * share);
  }
  const holds = probability * Math.exp(-arrivalsPerMs * (ms - delayMs));
  if (holds > 0) {
    const end = Math.min(heldBand.last, maxBatchSize - 2);
    for (let count = heldBand.first; count <= end; count++)
      chain.add(batch, count + 1, holds * certain(held[count]));
  }
  const fills =
    at(counts, band, maxBatchSize - 1) * late ** (maxBatchSize - 1) +
    (maxQueueDelayMs > ms ? fillsBetween(maxBatchSize, counts, band, held, heldBand) : 0);
  if (fills > 0) chain.add(batch, maxBatchSize, probability * fills);
}

/** Probability of too few for a full batch beside the first request in the shorter time, but not in the longer. */
export function fillsBetween(
  maxBatchSize: number,
  shorter: Float64Array,
  shorterBand: Band,
  longer: Float64Array,
  longerBand: Band,
): number {
  const most = maxBatchSize - 2;
  return Math.max(0, sum(shorter, shorterBand, most) - sum(longer, longerBand, most));
}

function sum(values: Float64Array, { first, last }: Band, most: number): number {
  let total = 0;
  for (let n = first; n <= Math.min(last, most); n++) total += certain(values[n]);
  return total;
}

/** 0 outside the band. */
export function at(values: Float64Array, { first, last }: Band, n: number): number {
  return n >= first && n <= last ? certain(values[n]) : 0;
}

/** What follows a full batch that leaves requests behind. */
function addStepsOfLeft(
  chain: LevelChain,
  service: BatchService,
  left: number,
  { ms, probability }: Gap,
  counts: Float64Array,
  band: Band,
): void {
  const { arrivalsPerMs, maxBatchSize } = service;
  const from = maxBatchSize + left;
  const delayMs = delayOfLeftMs(service, left);
  if (delayMs <= ms || left >= maxBatchSize) {
    for (let count = band.first; count <= band.last; count++)
      chain.add(from, left + count, probability * certain(counts[count]));
    return;
  }
  const held = new Float64Array(maxBatchSize - left);
  const heldBand = fillPoisson(arrivalsPerMs * delayMs, held);
  let rest = 1;
  const step = (to: number, share: number): void => {
    rest -= share;
    chain.add(from, to, probability * share);
  };
  for (let count = heldBand.first; count <= heldBand.last; count++) step(left + count, certain(held[count]));
  for (let count = Math.max(band.first, maxBatchSize - left + 1); count <= band.last; count++)
    step(left + count, certain(counts[count]));
  chain.add(from, maxBatchSize, probability * rest);
}

/** Standard deviations of a Poisson count, and a few requests, that are never exceeded as far as anybody can tell. */
const widthDeviations = 8;
const leastWidth = 10;

/**
 * The chain has states up to a number that no gap can exceed; where there is none below the largest batch, up to so
 * many more that only the slowest part of the tail is left, which is geometric.
 */
function largestWaiting(service: BatchService, gapsOf: (batch: number) => readonly Gap[]): number {
  const { arrivalsPerMs, maxBatchSize, maxQueueDelayMs } = service;
  for (let batch = 1; batch < maxBatchSize; batch++) {
    const gapMs = gapsOf(batch).reduce((longest, { ms }) => Math.max(longest, ms), maxQueueDelayMs);
    const mean = arrivalsPerMs * gapMs;
    if (mean + widthDeviations * Math.sqrt(mean) + leastWidth < batch) return batch;
  }
  return maxBatchSize + Math.ceil(widthDeviations * Math.sqrt(maxBatchSize)) + leastWidth;
}

/**
 * Above the largest batch the chain looks the same everywhere, so that far above it the shares fall by 1/z from one to
 * the next, with z^M = E[exp(λg(z - 1))], z > 1.
 */
function tailRatioOf({ arrivalsPerMs, maxBatchSize }: BatchService, gaps: readonly Gap[]): number {
  // In x = ln z: M·x = ln E[exp(λg(e^x - 1))]; the right side is convex, so that Newton's steps from above fall to the root.
  const growth = (x: number): { value: number; slope: number } => {
    const over = Math.expm1(x);
    const longest = gaps.reduce((most, { ms }) => Math.max(most, ms), 0);
    let scaled = 0;
    let slope = 0;
    for (const { ms, probability } of gaps) {
      const term = probability * Math.exp(arrivalsPerMs * (ms - longest) * over);
      scaled += term;
      slope += term * arrivalsPerMs * ms * Math.exp(x);
    }
    return {
      value: Math.log(scaled) + arrivalsPerMs * longest * over - maxBatchSize * x,
      slope: slope / scaled - maxBatchSize,
    };
  };
  let x = 1e-6;
  while (growth(x).value < 0 && x < 64) x *= 2;
  for (let step = 0; step < 60; step++) {
    const { value, slope } = growth(x);
    const next = x - value / slope;
    if (!(next > 0) || Math.abs(next - x) < 1e-12 * x) break;
    x = next;
  }
  return Math.exp(-x);
}
