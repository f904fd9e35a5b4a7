import fc from "fast-check";
import { expect, test } from "vitest";
import {
  predictGeneration,
  prepareGeneration,
} from "../../../../optimizer/models/continuous-batching/predict.ts";
import type {
  GenerationPrediction,
  GenerationTimes,
} from "../../../../optimizer/models/generation-prediction.ts";
import { anyReplica, sharedBy } from "./replicas.ts";

const use = fc.double({ min: 0.01, max: 0.85, noNaN: true });
const runs = { numRuns: 200, seed: 5 };

/** What rates are tried at: that of a replica that takes no time at all has no bound. */
function rateAt(share: number, saturationPerSecond: number): number {
  return share * Math.min(saturationPerSecond, 1e9);
}

function values({ ttftMs, itlMs, latencyMs }: GenerationTimes): readonly number[] {
  return [...Object.values(ttftMs), ...Object.values(itlMs), ...Object.values(latencyMs)];
}

function allTimes({ overall, traffic }: GenerationPrediction): readonly GenerationTimes[] {
  return [overall, ...traffic];
}

test("no valid replica and rate gives a time that is not a number or below 0, or percentiles out of order", () => {
  fc.assert(
    fc.property(anyReplica, fc.double({ min: 0, max: 1.3, noNaN: true }), (replica, share) => {
      const prepared = prepareGeneration(replica);
      const prediction = prepared.predict(rateAt(share, prepared.saturationPerSecond));
      for (const times of allTimes(prediction)) {
        for (const value of values(times)) expect(value).toBeGreaterThanOrEqual(0);
        const { ttftMs, itlMs, latencyMs } = times;
        expect(ttftMs.p50).toBeLessThanOrEqual(ttftMs.p95);
        expect(ttftMs.p95).toBeLessThanOrEqual(ttftMs.p99);
        expect(itlMs.p95).toBeLessThanOrEqual(itlMs.p99);
        expect(latencyMs.p95).toBeLessThanOrEqual(latencyMs.p99);
        expect(latencyMs.mean).toBeGreaterThanOrEqual(ttftMs.mean);
      }
    }),
    runs,
  );
});

test("no request is faster than one that has the engine for itself", () => {
  fc.assert(
    fc.property(anyReplica, use, (replica, share) => {
      const prepared = prepareGeneration(replica);
      const alone = prepared.predictAlone().overall;
      const { overall } = prepared.predict(rateAt(share, prepared.saturationPerSecond));
      expect(overall.ttftMs.mean).toBeGreaterThanOrEqual(alone.ttftMs.mean * (1 - 1e-9));
      expect(overall.itlMs.mean).toBeGreaterThanOrEqual(alone.itlMs.mean * (1 - 1e-9));
    }),
    runs,
  );
});

test("equal questions have equal answers, whatever was asked before", () => {
  fc.assert(
    fc.property(anyReplica, use, (replica, share) => {
      const prepared = prepareGeneration(replica);
      const rate = rateAt(share, prepared.saturationPerSecond);
      prepared.predict(rate / 3);
      expect(prepared.predict(rate)).toEqual(predictGeneration(replica, rate));
    }),
    { ...runs, numRuns: 60 },
  );
});

test("a hundred-thousandth more alpha hardly moves the time to first token, but where the queue is about to grow without end", () => {
  fc.assert(
    fc.property(anyReplica, use, (replica, share) => {
      const { saturationPerSecond, predict } = prepareGeneration(replica);
      const rate = rateAt(share, saturationPerSecond);
      const { parameters } = replica;
      const changed = { ...replica, parameters: { ...parameters, alphaMs: parameters.alphaMs * 1.00001 } };
      const before = predict(rate).overall.ttftMs.mean;
      // A hundredth more load: where that is too much, so is nearly this.
      if (predict(rate * 1.02).overall.ttftMs.mean === Number.POSITIVE_INFINITY) return;
      const after = predictGeneration(changed, rate).overall.ttftMs.mean;
      expect(Math.abs(after - before)).toBeLessThanOrEqual(0.0005 * before);
    }),
    runs,
  );
});

test("times rise with the rate, but for some hundredths where few slots block", () => {
  fc.assert(
    fc.property(anyReplica, (replica) => {
      const { saturationPerSecond, predict } = prepareGeneration(replica);
      let ttft = 0;
      let itl = 0;
      for (let share = 0.02; share < 0.9; share += 0.04) {
        const { overall } = predict(rateAt(share, saturationPerSecond));
        expect(overall.ttftMs.mean).toBeGreaterThanOrEqual(ttft * 0.97);
        expect(overall.itlMs.mean).toBeGreaterThanOrEqual(itl * 0.97);
        ttft = overall.ttftMs.mean;
        itl = overall.itlMs.mean;
      }
    }),
    { ...runs, numRuns: 60 },
  );
});

test("the order in which kinds of traffic are given does not matter, nor does splitting one in two", () => {
  fc.assert(
    fc.property(anyReplica, anyReplica, use, (one, other, share) => {
      const replica = sharedBy([one, other], one);
      const { saturationPerSecond, predict } = prepareGeneration(replica);
      const rate = rateAt(share, saturationPerSecond);
      const prediction = predict(rate);
      const turned = predictGeneration({ ...replica, traffic: replica.traffic.toReversed() }, rate);
      expect(turned.overall).toEqual(prediction.overall);
      expect(turned.traffic).toEqual(prediction.traffic.toReversed());
      const halves = replica.traffic.flatMap((kind) => [
        { ...kind, share: kind.share / 2 },
        { ...kind, share: kind.share / 2 },
      ]);
      const split = predictGeneration({ ...replica, traffic: halves }, rate).overall.ttftMs.mean;
      if (split < Number.POSITIVE_INFINITY)
        expect(split / prediction.overall.ttftMs.mean || 1).toBeCloseTo(1, 6);
    }),
    { ...runs, numRuns: 60 },
  );
});
