import { certain } from "../../certain.ts";
import {
  countsRoom,
  dueOfLeftMs,
  filledBetween,
  serviceMs,
  solveBatchStarts,
  type BatchService,
  type BatchStarts,
} from "./batch-starts.ts";
import type { BatchingTimes } from "./batching-prediction.ts";
import { LatencyMixture } from "./latency-mixture.ts";
import { fillPoisson, probabilityOf, type Band } from "./poisson.ts";

/**
 * What the requests of one model on one instance meet; the rate is below saturation.
 *
 * Every request arrives between one start of a batch and the next. Given how many arrive in a time, they are spread
 * evenly over it, so that their latency is made of uniform parts; which parts, and how often, say the batch starts.
 */
export function predictOneModel(service: BatchService): BatchingTimes {
  return new RequestTimes(service, solveBatchStarts(service)).times();
}

/** Of the grid of times: one is a few thousandths of a latency. */
const gridCells = 4096;
/** Starts too rare to show in any time. */
const leastShare = 1e-12;
/** Share of requests that may lie beyond the range of times. */
const rarest = 2e-4;
/** Numbers of requests above the last level, where all its tail is summed up. */
const tailPoints = 40;
const tailMass = 1e-9;
/** Points that stand for a continuous distribution of times; the times of the middles of equal parts. */
const windowPoints = 12;
const middles = [1 / 6, 1 / 2, 5 / 6];
const windowDeviations = 5;

class RequestTimes {
  readonly #service: BatchService;
  readonly #starts: BatchStarts;
  readonly #fullMs: number;
  readonly #mixture: LatencyMixture;
  #requests = 0;
  #queueMs = 0;
  #batches = 0;
  #batchRequests = 0;
  #serviceMs = 0;

  constructor(service: BatchService, starts: BatchStarts) {
    this.#service = service;
    this.#starts = starts;
    this.#fullMs = serviceMs(service, service.maxBatchSize);
    this.#mixture = new LatencyMixture(serviceMs(service, 1), this.#longestMs(), gridCells);
    this.#addAll();
  }

  times(): BatchingTimes {
    const [p50 = 0, p95 = 0, p99 = 0] = this.#mixture.quantiles([0.5, 0.95, 0.99]);
    const queueMs = this.#queueMs / this.#requests;
    return {
      latencyMs: { mean: queueMs + this.#serviceMs / this.#batchRequests, p50, p95, p99 },
      queueMs: { mean: queueMs },
      meanBatchSize: this.#batchRequests / this.#batches,
    };
  }

  /** A time that hardly any request exceeds; without steps, as the grid of the times depends on it. */
  #longestMs(): number {
    const { maxBatchSize, maxQueueDelayMs } = this.#service;
    const { levels, shares, tailRatio } = this.#starts;
    let all = 0;
    for (let state = 0; state < levels.length; state++)
      all += certain(levels[state]) * certain(shares[state]);
    const rare = rarest * all;
    let state = levels.length - 1;
    let longest = certain(levels[state]);
    let above = (longest * certain(shares[state])) / (1 - tailRatio);
    if (above > rare) longest += tailRatio > 0 ? Math.log(rare / above) / Math.log(tailRatio) : 0;
    else {
      for (; state > 0; state--) {
        const below = certain(levels[state - 1]);
        const more = below * certain(shares[state - 1]);
        if (above + more > rare) {
          longest -= ((rare - above) / more) * (longest - below);
          break;
        }
        above += more;
        longest = below;
      }
    }
    const batchMs = serviceMs(this.#service, Math.min(longest, maxBatchSize));
    return maxQueueDelayMs + batchMs * (2 + longest / maxBatchSize);
  }

  #addAll(): void {
    const service = this.#service;
    const { arrivalsPerMs, maxBatchSize, maxQueueDelayMs } = service;
    const { levels, shares, tailRatio } = this.#starts;
    const last = certain(levels.at(-1));
    const counts = new Float64Array(countsRoom(last));
    const held = new Float64Array(maxBatchSize);
    const heldBand = fillPoisson(arrivalsPerMs * maxQueueDelayMs, held);
    let holds = 0;
    for (const [state, batch] of levels.entries()) {
      const share = certain(shares[state]);
      if (batch > maxBatchSize || share < leastShare) continue;
      const ms = serviceMs(service, batch);
      const band = fillPoisson(arrivalsPerMs * ms, counts);
      const delayMs = Math.min(maxQueueDelayMs, ms);
      const late = delayMs > 0 ? delayMs / ms : 0;
      this.#countBatch(batch, share);
      this.#addDuring(ms, share, counts, band, delayMs, late);
      holds += share * Math.exp(-arrivalsPerMs * (ms - delayMs));
      const lastLate = probabilityOf(maxBatchSize - 1, counts, band) * late ** (maxBatchSize - 1);
      this.#addFilledLate(delayMs, share * lastLate);
      if (maxQueueDelayMs > ms)
        this.#addFilledHeld(ms, share * filledBetween(maxBatchSize, counts, band, held, heldBand));
    }
    this.#addHeld(holds, held, heldBand);

    if (last <= maxBatchSize) return;
    const band = fillPoisson(arrivalsPerMs * this.#fullMs, counts);
    for (const [state, level] of levels.entries()) {
      if (level > maxBatchSize && level < last)
        this.#addAfterLeft(level - maxBatchSize, certain(shares[state]), counts, band);
    }
    const step = Math.max(1, Math.ceil(Math.log(tailMass) / Math.log(tailRatio) / tailPoints));
    const stepRatio = tailRatio ** step;
    let share = certain(shares.at(-1)) * (1 - stepRatio);
    for (let point = 0; point < tailPoints; point++, share *= stepRatio) {
      // The numbers of a step are summed up at their mean, or at the two next to it.
      const mean = step > 1 ? tailRatio / (1 - tailRatio) - (step * stepRatio) / (1 - stepRatio) : 0;
      const below = Math.floor(mean);
      const left = last - maxBatchSize + point * step + below;
      this.#addAfterLeft(left, share * (below + 1 - mean), counts, band);
      this.#addAfterLeft(left + 1, share * (mean - below), counts, band);
    }
  }

  #countBatch(batch: number, weight: number): void {
    this.#batches += weight;
    this.#batchRequests += weight * batch;
    this.#serviceMs += weight * batch * serviceMs(this.#service, batch);
  }

  /** Requests whose queue times are uniform, and whose batch has a number of requests. */
  #add(fromMs: number, toMs: number, batch: number, requests: number): void {
    const batchMs = serviceMs(this.#service, batch);
    this.#mixture.add(fromMs + batchMs, toMs + batchMs, requests);
    this.#requests += requests;
    this.#queueMs += (requests * (fromMs + toMs)) / 2;
  }

  /** They arrive during a batch that has left none behind, and the next one starts as it ends. */
  #addDuring(
    ms: number,
    weight: number,
    counts: Float64Array,
    band: Band,
    delayMs: number,
    late: number,
  ): void {
    const { maxBatchSize } = this.#service;
    const first = Math.max(band.first, 1);
    let allLate = late ** first;
    for (let count = first; count <= band.last; count++, allLate *= late) {
      const share = weight * certain(counts[count]);
      if (share < leastShare) continue;
      if (count > maxBatchSize) {
        this.#addOfMoreThanABatch(ms, 0, count, share);
        continue;
      }
      this.#add(0, ms, count, share * count);
      // Where all have come within the delay, the batch is held back.
      if (count < maxBatchSize && allLate > leastShare)
        this.#add(0, delayMs, count, -share * count * allLate);
    }
  }

  #addAfterLeft(left: number, share: number, counts: Float64Array, band: Band): void {
    if (share < leastShare) return;
    this.#countBatch(this.#service.maxBatchSize, share);
    for (let count = Math.max(band.first, 1); count <= band.last; count++)
      this.#addOfMoreThanABatch(this.#fullMs, left, count, share * certain(counts[count]));
  }

  /** `count` requests arrive during a batch at whose start others are left: together they may fill several batches. */
  #addOfMoreThanABatch(ms: number, left: number, count: number, weight: number): void {
    if (weight < leastShare) return;
    const service = this.#service;
    const { maxBatchSize, arrivalsPerMs } = service;
    const total = left + count;
    for (let ahead = Math.floor(left / maxBatchSize); ahead * maxBatchSize < total; ahead++) {
      const from = Math.max(ahead * maxBatchSize - left, 0) + 1;
      const to = Math.min((ahead + 1) * maxBatchSize - left, count);
      const waiting = total - ahead * maxBatchSize;
      let startMs = ahead * this.#fullMs;
      let batch = maxBatchSize;
      if (waiting < maxBatchSize) {
        // The last of the batches fills up while it waits, and may be held back until it is full.
        const oldest = ahead > 0 ? waiting : left;
        const dueMs = dueOfLeftMs(service, oldest) - (ahead > 0 ? this.#fullMs : ms);
        const missing = Math.max(0, maxBatchSize - waiting - arrivalsPerMs * startMs);
        const heldMs = Math.max(0, Math.min(dueMs, missing / arrivalsPerMs));
        startMs += heldMs;
        batch = Math.min(maxBatchSize, waiting + arrivalsPerMs * startMs);
        if (ahead === 0) this.#add(0, heldMs, batch, weight * arrivalsPerMs * heldMs);
      }
      // The i-th of n arrivals comes after a part of the time that has a beta distribution with i and n + 1 - i; those
      // of one batch are taken to be uniform with the same mean and variance, which all of them together are.
      const mean = (from + to) / 2 / (count + 1);
      const product = (n: number): number => n * (n + 1) * (n + 2);
      const square = (product(to) - product(from - 1)) / (3 * (to - from + 1) * (count + 1) * (count + 2));
      const half = ms * Math.sqrt(3 * Math.max(0, square - mean * mean));
      const middle = startMs + ms * (1 - mean);
      this.#add(middle - half, middle + half, batch, weight * (to - from + 1));
    }
  }

  /** The first request of a batch is held back until it is due, and the batch is not full then. */
  #addHeld(holds: number, held: Float64Array, band: Band): void {
    const { maxBatchSize, maxQueueDelayMs } = this.#service;
    for (let count = band.first; count <= Math.min(band.last, maxBatchSize - 2); count++) {
      const weight = holds * certain(held[count]);
      this.#add(maxQueueDelayMs, maxQueueDelayMs, count + 1, weight);
      this.#add(0, maxQueueDelayMs, count + 1, weight * count);
    }
  }

  /** All but one come in the last part of a batch, as long as the delay; that one fills theirs after its end. */
  #addFilledLate(delayMs: number, fills: number): void {
    if (fills < leastShare) return;
    // The density of the time from the first to the last of them rises with its power M - 2.
    const exponent = 1 / (this.#service.maxBatchSize - 1);
    for (const middle of middles) this.#addFilled(delayMs * middle ** exponent, fills / middles.length);
  }

  /** The last request fills the batch after the end of the one before, and before the first is due. */
  #addFilledHeld(ms: number, fills: number): void {
    if (fills < leastShare) return;
    const { maxBatchSize, maxQueueDelayMs, arrivalsPerMs } = this.#service;
    // The time from the first to the last has a gamma distribution, of which this is the part that matters.
    const more = maxBatchSize - 1;
    const width = windowDeviations * (1 + Math.sqrt(more));
    const fromMs = Math.min(Math.max(ms, (more - width) / arrivalsPerMs), maxQueueDelayMs);
    const toMs = Math.max(fromMs, Math.min(maxQueueDelayMs, (more + width) / arrivalsPerMs));
    const windows = Array.from(
      { length: windowPoints },
      (_, point) => fromMs + ((point + 0.5) / windowPoints) * (toMs - fromMs),
    );
    const logs = windows.map((window) => (more - 1) * Math.log(window) - arrivalsPerMs * window);
    const largest = Math.max(...logs);
    const densities = logs.map((log) => Math.exp(log - largest));
    const all = densities.reduce((sum, density) => sum + density, 0);
    for (const [point, window] of windows.entries())
      this.#addFilled(window, (fills * certain(densities[point])) / all);
  }

  /** A full batch that starts as its last request comes, so long after its first. */
  #addFilled(windowMs: number, weight: number): void {
    const { maxBatchSize } = this.#service;
    this.#add(0, 0, maxBatchSize, weight);
    if (maxBatchSize > 1) this.#add(windowMs, windowMs, maxBatchSize, weight);
    if (maxBatchSize > 2) this.#add(0, windowMs, maxBatchSize, weight * (maxBatchSize - 2));
  }
}
