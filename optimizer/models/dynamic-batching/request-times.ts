import { certain } from "../../certain.ts";
import {
  at,
  countsRoom,
  delayOfLeftMs,
  fillsBetween,
  serviceMs,
  type BatchService,
  type BatchStarts,
  type Gap,
} from "./batch-starts.ts";
import type { BatchingTimes } from "./batching-prediction.ts";
import { LatencyMixture } from "./latency-mixture.ts";
import { fillPoisson, type Band } from "./poisson.ts";

/** Sums up what the requests meet that arrive between one start of a batch and the next. */
export class RequestTimes {
  readonly #service: BatchService;
  readonly #starts: BatchStarts;
  readonly #gapsOf: (batch: number) => readonly Gap[];
  /** Batches that start as instances are idle, for each time that all are busy. */
  readonly #idleStarts: number;
  readonly #mixture: LatencyMixture;
  #requests = 0;
  #queueMs = 0;
  #batches = 0;
  #serviceMs = 0;
  #batchRequests = 0;

  constructor(
    service: BatchService,
    starts: BatchStarts,
    gapsOf: (batch: number) => readonly Gap[],
    idleStarts: number,
  ) {
    this.#service = service;
    this.#starts = starts;
    this.#gapsOf = gapsOf;
    this.#idleStarts = idleStarts;
    const fromMs = serviceMs(service, 1);
    this.#mixture = new LatencyMixture(fromMs, this.#longestMs());
  }

  times(): BatchingTimes {
    this.#addAll();
    const [p50 = 0, p95 = 0, p99 = 0] = this.#mixture.quantiles([0.5, 0.95, 0.99]);
    const queueMs = this.#queueMs / this.#requests;
    return {
      latencyMs: { mean: queueMs + this.#serviceMs / this.#batchRequests, p50, p95, p99 },
      queueMs: { mean: queueMs },
      meanBatchSize: this.#batchRequests / this.#batches,
    };
  }

  /** A time that hardly any request exceeds. */
  #longestMs(): number {
    const { maxBatchSize, maxQueueDelayMs } = this.#service;
    const { levels, shares, tailRatio } = this.#starts;
    let total = 0;
    for (let state = 0; state < levels.length; state++)
      total += certain(levels[state]) * certain(shares[state]);
    const rare = rarest * total;
    let state = levels.length - 1;
    let above = (certain(levels[state]) * certain(shares[state])) / (1 - tailRatio);
    let longest = certain(levels[state]);
    if (above > rare) longest += tailRatio > 0 ? Math.log(rare / above) / Math.log(tailRatio) : 0;
    else {
      for (; state > 0; state--) {
        const level = certain(levels[state - 1]);
        const more = level * certain(shares[state - 1]);
        if (above + more > rare) {
          longest = certain(levels[state]) - ((rare - above) / more) * (certain(levels[state]) - level);
          break;
        }
        above += more;
      }
    }
    const batch = Math.min(longest, maxBatchSize);
    const gapMs = this.#gapsOf(batch).reduce((most, { ms }) => Math.max(most, ms), 0);
    return maxQueueDelayMs + serviceMs(this.#service, batch) + gapMs * (1 + longest / maxBatchSize);
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
    for (let state = 0; state < levels.length; state++) {
      const waiting = certain(levels[state]);
      const share = certain(shares[state]);
      if (waiting > maxBatchSize) break;
      if (share < leastShare) continue;
      this.#countBatch(waiting, share);
      for (const gap of this.#gapsOf(waiting)) {
        const band = fillPoisson(arrivalsPerMs * gap.ms, counts);
        const weight = share * gap.probability;
        const delayMs = Math.min(maxQueueDelayMs, gap.ms);
        const late = delayMs > 0 ? delayMs / gap.ms : 0;
        this.#addDuring(gap.ms, weight, counts, band, late, delayMs);
        holds += weight * Math.exp(-arrivalsPerMs * (gap.ms - delayMs));
        this.#addFilledLate(
          weight * at(counts, band, maxBatchSize - 1) * late ** (maxBatchSize - 1),
          delayMs,
        );
        if (maxQueueDelayMs > gap.ms)
          this.#addFilledHeld(weight * fillsBetween(maxBatchSize, counts, band, held, heldBand), gap.ms);
      }
    }
    this.#addHeld(holds, held, heldBand);
    for (let state = 0; state < levels.length; state++) {
      const left = certain(levels[state]) - maxBatchSize;
      if (left <= 0) continue;
      const share = certain(shares[state]);
      if (state + 1 < levels.length) {
        this.#addAfterLeft(left, share, counts);
        continue;
      }
      // The last level stands for those above it too.
      let part = share * (1 - tailRatio);
      for (let above = 0; part > leastShare; above++, part *= tailRatio)
        this.#addAfterLeft(last - maxBatchSize + above, part, counts);
    }
  }

  #addAfterLeft(left: number, share: number, counts: Float64Array): void {
    if (share < leastShare) return;
    const { arrivalsPerMs, maxBatchSize } = this.#service;
    this.#countBatch(maxBatchSize, share);
    for (const gap of this.#gapsOf(maxBatchSize)) {
      const band = fillPoisson(arrivalsPerMs * gap.ms, counts);
      for (let count = Math.max(band.first, 1); count <= band.last; count++)
        this.#addWaitingBatches(gap.ms, left, count, share * gap.probability * certain(counts[count]));
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

  /** They arrive while all instances are busy, and an instance takes them as soon as it is free. */
  #addDuring(
    gapMs: number,
    weight: number,
    counts: Float64Array,
    band: Band,
    late: number,
    delayMs: number,
  ): void {
    const { maxBatchSize } = this.#service;
    const first = Math.max(band.first, 1);
    let allLate = late ** first;
    for (let count = first; count <= band.last; count++, allLate *= late) {
      const share = weight * certain(counts[count]);
      if (share < leastShare) continue;
      if (count > maxBatchSize) {
        this.#addWaitingBatches(gapMs, 0, count, share);
      } else {
        this.#add(0, gapMs, count, share * count);
        // Where all have come within the delay, the batch is held back.
        if (count < maxBatchSize && allLate > leastShare)
          this.#add(0, delayMs, count, -share * count * allLate);
      }
    }
  }

  /** They arrive in a gap and find or make more than a batch: `left` requests are there at its start. */
  #addWaitingBatches(gapMs: number, left: number, count: number, weight: number): void {
    const service = this.#service;
    const { maxBatchSize, arrivalsPerMs } = service;
    const total = left + count;
    const fullGapMs = this.#fullGapMs;
    const aheadOf = Math.floor(left / maxBatchSize);
    for (let ahead = aheadOf; ahead * maxBatchSize < total; ahead++) {
      const from = Math.max(ahead * maxBatchSize - left, 0) + 1;
      const to = Math.min((ahead + 1) * maxBatchSize - left, count);
      const waiting = total - ahead * maxBatchSize;
      let startMs = ahead * fullGapMs;
      let batch = maxBatchSize;
      if (waiting < maxBatchSize && (ahead > 0 || left > 0)) {
        // The oldest of them was there when the batch before theirs started, as long as so many arrivals take.
        const oldest = ahead > 0 ? waiting : left;
        const dueMs = delayOfLeftMs(service, oldest) - (ahead > 0 ? fullGapMs : gapMs);
        const joins = arrivalsPerMs * startMs;
        const fullMs = Math.max(0, maxBatchSize - waiting - joins) / arrivalsPerMs;
        const heldMs = Math.max(0, Math.min(dueMs, fullMs));
        startMs += heldMs;
        batch = Math.min(maxBatchSize, waiting + arrivalsPerMs * startMs);
        if (ahead === 0 && heldMs > 0) this.#add(0, heldMs, batch, weight * arrivalsPerMs * heldMs);
      }
      // The i-th of n arrivals comes after a share of the gap that is distributed as Beta(i, n + 1 - i).
      const mean = (from + to) / 2 / (count + 1);
      const square =
        (to * (to + 1) * (to + 2) - (from - 1) * from * (from + 1)) /
        (3 * (to - from + 1) * (count + 1) * (count + 2));
      const halfWidth = Math.sqrt(3 * Math.max(0, square - mean * mean));
      const middle = startMs + gapMs * (1 - mean);
      this.#add(middle - gapMs * halfWidth, middle + gapMs * halfWidth, batch, weight * (to - from + 1));
    }
  }

  get #fullGapMs(): number {
    return this.#gapsOf(this.#service.maxBatchSize).reduce(
      (mean, { ms, probability }) => mean + ms * probability,
      0,
    );
  }

  /** The first request finds an idle instance, or one that becomes idle, and is held back to the end. */
  #addHeld(holds: number, held: Float64Array, band: Band): void {
    const { maxBatchSize, maxQueueDelayMs } = this.#service;
    for (let count = band.first; count <= Math.min(band.last, maxBatchSize - 2); count++) {
      const weight = holds * certain(held[count]) * this.#idleStarts;
      this.#add(maxQueueDelayMs, maxQueueDelayMs, count + 1, weight);
      if (count > 0) this.#add(0, maxQueueDelayMs, count + 1, weight * count);
      this.#countBatch(count + 1, holds * certain(held[count]) * (this.#idleStarts - 1));
    }
  }

  /** All but the first have come in the delay's part of the gap, and the last one fills the batch after it. */
  #addFilledLate(fills: number, delayMs: number): void {
    if (fills < leastShare) return;
    // The window has a density that rises with the power M - 2 up to the delay.
    const exponent = 1 / (this.#service.maxBatchSize - 1);
    for (const node of thirds) this.#addFilled(delayMs * node ** exponent, fills / thirds.length);
  }

  /** The last one fills the batch after the gap, within the delay. */
  #addFilledHeld(fills: number, gapMs: number): void {
    if (fills < leastShare) return;
    const { maxQueueDelayMs, maxBatchSize, arrivalsPerMs } = this.#service;
    // The time of the (M - 1)-th arrival is gamma distributed: weighed at points of the part where it can be.
    const more = maxBatchSize - 1;
    const spread = 5 * Math.sqrt(more);
    const fromMs = Math.max(gapMs, (more - spread) / arrivalsPerMs);
    const toMs = Math.min(maxQueueDelayMs, (more + spread + 5) / arrivalsPerMs);
    if (!(toMs > fromMs)) return this.#addFilled(Math.min(Math.max(fromMs, gapMs), maxQueueDelayMs), fills);
    const logs = Array.from({ length: points }, (_, point) => {
      const ms = fromMs + ((point + 0.5) / points) * (toMs - fromMs);
      return { ms, log: (more - 1) * Math.log(ms) - arrivalsPerMs * ms };
    });
    const most = logs.reduce((largest, { log }) => Math.max(largest, log), Number.NEGATIVE_INFINITY);
    const total = logs.reduce((all, { log }) => all + Math.exp(log - most), 0);
    for (const { ms, log } of logs) this.#addFilled(ms, (fills * Math.exp(log - most)) / total);
  }

  /** A full batch whose first and last requests arrived so far apart. */
  #addFilled(windowMs: number, weight: number): void {
    const { maxBatchSize } = this.#service;
    const requests = weight * this.#idleStarts;
    this.#add(0, 0, maxBatchSize, requests);
    if (maxBatchSize > 1) this.#add(windowMs, windowMs, maxBatchSize, requests);
    if (maxBatchSize > 2) this.#add(0, windowMs, maxBatchSize, requests * (maxBatchSize - 2));
    this.#countBatch(maxBatchSize, weight * (this.#idleStarts - 1));
  }
}

const points = 12;
const thirds = [1 / 6, 1 / 2, 5 / 6];
/** Starts too rare to show in any time. */
const leastShare = 1e-12;
/** Share of requests that may lie beyond the range of times. */
const rarest = 2e-4;
