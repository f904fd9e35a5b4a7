import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { runBatching, type InferenceArrival } from "../../../optimizer/simulation/batching-run.ts";
import type { DynamicBatchSettings } from "../../../optimizer/simulation/dynamic-batching.ts";
import { seededRandom } from "../../../optimizer/simulation/random.ts";
import {
  simulateDynamicBatching,
  type BatchingSimulation,
} from "../../../optimizer/simulation/simulate-dynamic-batching.ts";
import { naiveBatching } from "./naive-batching.ts";
import { batchingEngines, batchingTraces } from "./random-batching.ts";

const parameters = { gammaMs: 4, deltaMs: 0.5 };

function traced(engine: DynamicBatchSettings, arrivalMillis: readonly number[]): BatchingSimulation {
  const arrivals = arrivalMillis.map((time) => ({
    arrivalMillis: time,
    batchKey: "bert/3",
    items: 1,
    parameters,
  }));
  return simulateDynamicBatching({ engine, load: { kind: "trace", arrivals } });
}

function random(engine: DynamicBatchSettings, ratePerSecond: number, requests: number): BatchingSimulation {
  const load = {
    kind: "poisson",
    ratePerSecond,
    requests,
    parameters,
    random: seededRandom(1, "batching"),
  } as const;
  return simulateDynamicBatching({ engine, load });
}

describe("a trace by hand", () => {
  test("batches what waits when the instance is free", () => {
    // 4.5 alone; then two together for 5; the fourth arrives as they end.
    const { requests, summary, batches, busyMillis } = traced({ maxBatchSize: 8 }, [0, 1, 4.5, 9.5]);
    expect(requests.map(({ endMillis }) => endMillis)).toEqual([4.5, 9.5, 9.5, 14]);
    expect([batches, busyMillis]).toEqual([3, 14]);
    expect(summary.latencyMillis).toMatchObject({ mean: (4.5 + 8.5 + 5 + 4.5) / 4, p50: 4.5, p95: 8.5 });
    expect(summary.queueMillis).toMatchObject({ mean: 3.5 / 4, p50: 0, p99: 3.5 });
    expect(summary.throughputPerSecond).toBeCloseTo(4000 / 14, 9);
  });

  test("runs batches side by side where there are instances", () => {
    const { requests } = traced({ maxBatchSize: 1, instances: 2 }, [0, 1, 2]);
    expect(requests.map(({ startMillis, endMillis }) => [startMillis, endMillis])).toEqual([
      [0, 4.5],
      [1, 5.5],
      [4.5, 9],
    ]);
  });

  test("holds a batch that is not full for the queue delay", () => {
    const { requests } = traced({ maxBatchSize: 2, maxQueueDelayMillis: 3 }, [0, 1, 20]);
    // Full at 1; the last one is due at 23.
    expect(requests.map(({ startMillis }) => startMillis)).toEqual([1, 1, 23]);
  });

  test("refuses what meets a full queue", () => {
    const { summary } = traced({ maxBatchSize: 1, maxWaiting: 1 }, [0, 1, 2, 3]);
    expect(summary).toMatchObject({ finished: 2, refused: 2, unfinished: 0 });
  });

  test("that holds a request above the batch size or none at all is refused", () => {
    const large = [{ arrivalMillis: 0, batchKey: "m/1", items: 9, parameters }];
    const engine = { maxBatchSize: 8 };
    expect(() => simulateDynamicBatching({ engine, load: { kind: "trace", arrivals: large } })).toThrow(
      "a request of 9 items does not fit a batch of 8",
    );
    const own = [{ arrivalMillis: 0, batchKey: "m/1", items: 2, maxBatchSize: 1, parameters }];
    expect(() => simulateDynamicBatching({ engine, load: { kind: "trace", arrivals: own } })).toThrow(
      "a request of 2 items does not fit a batch of 1",
    );
    const above = [{ arrivalMillis: 0, batchKey: "m/1", items: 1, maxBatchSize: 9, parameters }];
    expect(() => simulateDynamicBatching({ engine, load: { kind: "trace", arrivals: above } })).toThrow(
      "batches of 9 are above the engine's 8",
    );
    expect(() => traced(engine, [])).toThrow("0 requests after 0");
    expect(() => traced(engine, [2, 1])).toThrow("arrivals[1]: time 1 ms");
  });
});

describe("on any trace", () => {
  const run = (engine: DynamicBatchSettings, arrivals: readonly InferenceArrival[]) =>
    runBatching(engine, arrivals, { first: 0, count: arrivals.length }, 1e9);

  const withSmallBatches = (arrival: InferenceArrival): InferenceArrival =>
    arrival.batchKey === "resnet/1" ? { ...arrival, maxBatchSize: 4 } : arrival;

  test("a naive simulation that looks at every tick gives the same times and refusals", () => {
    fc.assert(
      fc.property(batchingEngines, batchingTraces, fc.boolean(), (engine, trace, small) => {
        const arrivals = small ? trace.map(withSmallBatches) : trace;
        const outcomes = run(engine, arrivals).requests.map(({ state, startMillis, endMillis }) =>
          state === "refused" ? state : [startMillis, endMillis],
        );
        expect(outcomes).toEqual(naiveBatching(engine, arrivals));
      }),
      { numRuns: 300 },
    );
  });

  test("every request ends once, and takes its queue and its batch", () => {
    fc.assert(
      fc.property(batchingEngines, batchingTraces, (engine, arrivals) => {
        const { requests, ended, window } = run(engine, arrivals);
        expect(ended).toBe("complete");
        expect(requests.map(({ arrivalMillis }) => arrivalMillis)).toEqual(
          arrivals.map(({ arrivalMillis }) => arrivalMillis),
        );
        const finished = requests.filter(({ state }) => state === "finished");
        expect(window.finished).toBe(finished.length);
        expect(requests.every(({ state }) => state !== "unfinished")).toBe(true);
        for (const { arrivalMillis, startMillis, endMillis } of finished) {
          expect(startMillis).toBeGreaterThanOrEqual(arrivalMillis);
          expect(endMillis).toBeGreaterThanOrEqual(startMillis);
        }
      }),
    );
  });
});

describe("random arrivals", () => {
  test("one at a time wait as the Pollaczek-Khinchine formula says", () => {
    // 4.5 ms each at 150 a second: busy for 67.5 %.
    const { summary } = random({ maxBatchSize: 1, maxWaiting: 10_000 }, 150, 200_000);
    const waitMillis = (0.675 * 4.5) / (2 * (1 - 0.675));
    expect(Math.abs(summary.queueMillis.mean - waitMillis)).toBeLessThan(
      2 * summary.queueMillis.meanHalfWidth,
    );
    expect(summary.queueMillis.meanHalfWidth).toBeLessThan(0.2);
    expect(summary.utilisation).toBeCloseTo(0.675, 9);
  });

  test("that find enough instances wait for none of them", () => {
    const { summary } = random({ maxBatchSize: 1, instances: 50 }, 150, 2_000);
    expect(summary.queueMillis.p99).toBe(0);
    expect(summary.latencyMillis.p50).toBeCloseTo(4.5, 9);
  });

  test("above saturation are refused and get the rate of full batches", () => {
    // Batches of 8 take 4 + 0.5·8 = 8 ms: 1,000 a second, 2,000 on two instances.
    const { summary, ended } = random({ maxBatchSize: 8, instances: 2 }, 5_000, 20_000);
    expect(ended).toBe("complete");
    expect(summary.saturationRatePerSecond).toBeCloseTo(2_000, 6);
    expect(summary.utilisation).toBeCloseTo(2.5, 6);
    expect(summary.refused + summary.finished).toBe(20_000);
    expect(summary.throughputPerSecond / 2_000).toBeCloseTo(1, 2);
  });

  test("are cut off at the limit of batches, and give an equal answer for an equal seed", () => {
    const engine = { maxBatchSize: 8 };
    const load = { kind: "poisson", ratePerSecond: 100, requests: 1_000, parameters } as const;
    const cut = () =>
      simulateDynamicBatching({ engine, load: { ...load, random: seededRandom(3, "") }, maxBatches: 500 });
    expect(cut()).toMatchObject({ ended: "batch-limit", batches: 500 });
    expect(cut()).toEqual(cut());
  });
});
