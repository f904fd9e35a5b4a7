import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { certain } from "../../../optimizer/certain.ts";
import { departureRatePerMs, queueRoom, solveBatchQueue } from "../../../optimizer/models/batch-queue.ts";
import type { BatchService } from "../../../optimizer/models/batch-queue.ts";

/** The same chain summed state by state, in logarithms: slow and plain. */
function plainSolution(service: BatchService, arrivalsPerMs: number) {
  const states = service.maxBatchSize + queueRoom(service);
  const logs = [0];
  for (let n = 1; n <= states; n++) {
    const rate = departureRatePerMs(service, Math.min(n, service.maxBatchSize));
    logs.push(certain(logs[n - 1]) + Math.log(arrivalsPerMs / rate));
  }
  const largest = logs.reduce((a, b) => Math.max(a, b));
  const weights = logs.map((log) => Math.exp(log - largest));
  const mass = weights.reduce((a, b) => a + b);
  const mean = (f: (n: number) => number) => weights.reduce((sum, w, n) => sum + w * f(n), 0) / mass;
  const throughputPerMs = arrivalsPerMs * (1 - certain(weights[states]) / mass);
  return {
    throughputPerMs,
    meanInService: mean((n) => Math.min(n, service.maxBatchSize)),
    meanWaitMs: mean((n) => Math.max(n - service.maxBatchSize, 0)) / throughputPerMs,
    waitProbability: mean((n) => Number(n >= service.maxBatchSize)),
  };
}

const services = fc.record({
  baseMs: fc.double({ min: 0.1, max: 5000, noNaN: true }),
  perRequestMs: fc.double({ min: 0.001, max: 50, noNaN: true }),
  maxBatchSize: fc.integer({ min: 1, max: 512 }),
});

describe("a batch queue", () => {
  it("has the means of the chain summed state by state, from idle to far above saturation", () => {
    const loads = fc.oneof(
      fc.double({ min: 0.0005, max: 3, noNaN: true }),
      // Around saturation the closed form and the plain sum take over from each other.
      fc.double({ min: 0.998, max: 1.002, noNaN: true }),
    );
    fc.assert(
      fc.property(services, loads, (service, load) => {
        const arrivalsPerMs = load * departureRatePerMs(service, service.maxBatchSize);
        const state = solveBatchQueue(service, arrivalsPerMs);
        const plain = plainSolution(service, arrivalsPerMs);
        const close = (a: number, b: number) => Math.abs(a - b) <= 1e-7 * Math.abs(b) + 1e-12;
        expect(close(state.throughputPerMs, plain.throughputPerMs)).toBe(true);
        expect(close(state.meanInService, plain.meanInService)).toBe(true);
        expect(close(state.meanWaitMs, plain.meanWaitMs)).toBe(true);
        expect(close(state.waitProbability, plain.waitProbability)).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  it("never serves more than arrives, nor more than a full batch leaves", () => {
    fc.assert(
      fc.property(services, fc.double({ min: 0.001, max: 1000, noNaN: true }), (service, load) => {
        const full = departureRatePerMs(service, service.maxBatchSize);
        const { throughputPerMs } = solveBatchQueue(service, load * full);
        expect(throughputPerMs).toBeLessThanOrEqual(Math.min(load, 1) * full * (1 + 1e-12));
      }),
    );
  });

  it("stays finite where the weights of its states span hundreds of orders of magnitude", () => {
    const service = { baseMs: 5000, perRequestMs: 0.001, maxBatchSize: 512 };
    for (const load of [1e-6, 0.5, 1, 1.5, 1e6]) {
      const state = solveBatchQueue(service, load * departureRatePerMs(service, 512));
      expect(Number.isFinite(state.meanWaitMs) && Number.isFinite(state.concurrency)).toBe(true);
    }
  });

  it("reports a utilisation of 1 when overloaded", () => {
    const service = { baseMs: 100, perRequestMs: 10, maxBatchSize: 8 };
    expect(solveBatchQueue(service, 10).utilisation).toBeCloseTo(1, 6);
  });
});
