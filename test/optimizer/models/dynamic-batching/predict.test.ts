import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { certain } from "../../../../optimizer/certain.ts";
import {
  batchingSaturationPerSecond,
  predictBatching,
  predictBatchingAlone,
  type BatchingReplica,
  type BatchingTimes,
  type BatchingTraffic,
} from "../../../../optimizer/models/dynamic-batching/predict.ts";
import { runBatching, type InferenceArrival } from "../../../../optimizer/simulation/batching-run.ts";
import { exponential, seededRandom } from "../../../../optimizer/simulation/random.ts";

const percentiles = ["p50", "p95", "p99"] as const;

function single(model: Omit<BatchingTraffic, "share">, more: Partial<BatchingReplica> = {}): BatchingReplica {
  return { instances: 1, maxQueueDelayMs: 0, traffic: [{ share: 1, ...model }], ...more };
}

const logarithmic = (min: number, max: number): fc.Arbitrary<number> =>
  fc.double({ min: Math.log(min), max: Math.log(max), noNaN: true }).map(Math.exp);

const trafficOf = (count: number): fc.Arbitrary<readonly BatchingTraffic[]> =>
  fc
    .array(
      fc.record({
        weight: fc.double({ min: 0.05, max: 1, noNaN: true }),
        baseMs: logarithmic(0.2, 50),
        perRequestMs: logarithmic(0.01, 20),
        maxBatchSize: fc.integer({ min: 1, max: 64 }),
      }),
      { minLength: 1, maxLength: count },
    )
    .map((models) => {
      const all = models.reduce((sum, { weight }) => sum + weight, 0);
      return models.map(({ weight, ...model }) => ({ share: weight / all, ...model }));
    });

const replicas = (models: number, instances: number, delayMs: number): fc.Arbitrary<BatchingReplica> =>
  fc.record({
    instances: fc.integer({ min: 1, max: instances }),
    maxQueueDelayMs: fc.oneof(fc.constant(0), fc.double({ min: 0, max: delayMs, noNaN: true })),
    traffic: trafficOf(models),
  });
const loads = fc.double({ min: 0.02, max: 0.95, noNaN: true });

function at(replica: BatchingReplica, load: number): ReturnType<typeof predictBatching> {
  return predictBatching(replica, load * batchingSaturationPerSecond(replica));
}

describe("the saturation rate", () => {
  test("is that of full batches on all instances", () => {
    // Full batches of 8 take 8 ms; those of 4 take 10 ms. Of 4 requests 3 are of the first.
    const replica = {
      instances: 2,
      maxQueueDelayMs: 5,
      traffic: [
        { share: 0.75, baseMs: 4, perRequestMs: 0.5, maxBatchSize: 8 },
        { share: 0.25, baseMs: 2, perRequestMs: 2, maxBatchSize: 4 },
      ],
    };
    expect(batchingSaturationPerSecond(replica)).toBeCloseTo(2000 / (0.75 * 1 + 0.25 * 2.5), 9);
    const { utilisation, throughputPerSecond } = predictBatching(replica, 400);
    expect(utilisation).toBeCloseTo((400 * (0.75 + 0.625)) / 2000, 9);
    expect(throughputPerSecond).toBe(400);
  });

  test("caps the throughput, and from it on times are infinite", () => {
    const replica = single({ baseMs: 4, perRequestMs: 0.5, maxBatchSize: 8 });
    const prediction = predictBatching(replica, 1000);
    expect(prediction.overall.latencyMs.mean).toBe(Number.POSITIVE_INFINITY);
    expect(predictBatching(replica, 2500)).toMatchObject({ utilisation: 2.5, throughputPerSecond: 1000 });
    expect(prediction.overall.meanBatchSize).toBe(8);
  });

  test("is infinite where requests take no time, who then wait for the queue delay only", () => {
    const replica = single({ baseMs: 0, perRequestMs: 0, maxBatchSize: 8 }, { maxQueueDelayMs: 2 });
    expect(batchingSaturationPerSecond(replica)).toBe(Number.POSITIVE_INFINITY);
    const { utilisation, overall } = predictBatching(replica, 10);
    expect(utilisation).toBe(0);
    expect(overall.latencyMs.p99).toBeCloseTo(2, 2);
  });
});

describe("alone", () => {
  test("a request takes its batch and the queue delay, which batches of one do not wait for", () => {
    const replica = {
      instances: 1,
      maxQueueDelayMs: 3,
      traffic: [
        { share: 0.5, baseMs: 4, perRequestMs: 1, maxBatchSize: 8 },
        { share: 0.5, baseMs: 2, perRequestMs: 1, maxBatchSize: 1 },
      ],
    };
    const { traffic, overall, utilisation } = predictBatchingAlone(replica);
    expect(traffic.map(({ latencyMs }) => latencyMs.p99)).toEqual([8, 3]);
    expect(overall.latencyMs).toEqual({ mean: 5.5, p50: 3, p95: 8, p99: 8 });
    expect(utilisation).toBe(0);
  });

  test("is what times tend to as the rate tends to nothing", () => {
    fc.assert(
      fc.property(replicas(4, 3, 20), (replica) => {
        const alone = predictBatchingAlone(replica);
        const rare = at(replica, 1e-7);
        for (const [model, { latencyMs }] of rare.traffic.entries()) {
          const expected = certain(alone.traffic[model]).latencyMs.mean;
          expect(Math.abs(latencyMs.mean / expected - 1)).toBeLessThan(1e-3);
          expect(Math.abs(latencyMs.p95 / expected - 1)).toBeLessThan(1e-2);
        }
      }),
      { numRuns: 100 },
    );
  });
});

describe("one model on one instance", () => {
  test("with batches of one waits as the Pollaczek-Khinchine formula says, up to the edge of saturation", () => {
    for (const load of [0.01, 0.3, 0.675, 0.9, 0.99, 0.999]) {
      const { overall } = at(single({ baseMs: 4, perRequestMs: 0.5, maxBatchSize: 1 }), load);
      const waitMs = (load * 4.5) / (2 * (1 - load));
      expect(Math.abs(overall.queueMs.mean / waitMs - 1)).toBeLessThan(1e-4);
      expect(overall.latencyMs.mean).toBeCloseTo(overall.queueMs.mean + 4.5, 9);
    }
  });

  test("without a bound waits for half of a batch that is always followed by another", () => {
    // 25 requests come in every batch of 5 ms: never none, never 64.
    const { overall } = predictBatching(single({ baseMs: 5, perRequestMs: 0, maxBatchSize: 64 }), 5000);
    expect(overall.latencyMs).toEqual({
      mean: expect.closeTo(7.5, 3),
      p50: expect.closeTo(7.5, 2),
      p95: expect.closeTo(9.75, 2),
      p99: expect.closeTo(9.95, 2),
    });
    expect(overall.meanBatchSize).toBeCloseTo(25, 3);
  });

  test("with a queue delay is held back until it is due or its batch is full", () => {
    // A batch of 2 at 10 a second and a delay of 20 ms: a fifth of the batches fill, after 9.33 ms in the mean.
    const replica = single({ baseMs: 0, perRequestMs: 0, maxBatchSize: 2 }, { maxQueueDelayMs: 20 });
    const { overall } = predictBatching(replica, 10);
    const fills = 1 - Math.exp(-0.2);
    const heldMs = 100 * fills;
    expect(overall.meanBatchSize).toBeCloseTo(1 + fills, 6);
    expect(overall.queueMs.mean).toBeCloseTo(heldMs / (1 + fills), 1);
    expect(overall.latencyMs.p99).toBeCloseTo(20, 1);
  });

  test("has times that grow with the rate, where nothing is held back", () => {
    fc.assert(
      fc.property(
        replicas(1, 1, 0),
        loads,
        fc.double({ min: 0, max: 0.04, noNaN: true }),
        (replica, load, more) => {
          const [less, busier] = [at(replica, load).overall, at(replica, load + more).overall];
          expect(busier.latencyMs.mean).toBeGreaterThanOrEqual(less.latencyMs.mean * (1 - 1e-6));
          for (const p of percentiles)
            expect(busier.latencyMs[p]).toBeGreaterThanOrEqual(less.latencyMs[p] * (1 - 1e-3));
        },
      ),
      { numRuns: 150 },
    );
  });

  test("may be slower at a low rate than at a higher one, where batches are held back", () => {
    const replica = single({ baseMs: 1, perRequestMs: 0.1, maxBatchSize: 4 }, { maxQueueDelayMs: 20 });
    expect(at(replica, 0.02).overall.latencyMs.mean).toBeGreaterThan(at(replica, 0.5).overall.latencyMs.mean);
  });
});

describe("several models or instances", () => {
  test("have mean times that grow with the rate but for 2 %, up to the edge of saturation, where nothing is held back", () => {
    fc.assert(
      fc.property(
        replicas(3, 4, 0),
        fc.double({ min: 0.02, max: 0.999, noNaN: true }),
        fc.double({ min: 1, max: 1.05, noNaN: true }),
        (replica, load, more) => {
          const [less, busier] = [at(replica, load), at(replica, Math.min(0.9995, load * more))];
          for (const [model, { latencyMs }] of busier.traffic.entries())
            expect(latencyMs.mean).toBeGreaterThanOrEqual(certain(less.traffic[model]).latencyMs.mean * 0.98);
        },
      ),
      { numRuns: 150 },
    );
  });

  test("near saturation wait as much longer as there is less left of the time", () => {
    const replica = single({ baseMs: 5, perRequestMs: 1, maxBatchSize: 8 }, { instances: 3 });
    const wait = (load: number): number => at(replica, load).overall.queueMs.mean;
    expect(wait(0.99) / wait(0.9)).toBeCloseTo(10, 6);
    expect(at(replica, 0.999).overall.meanBatchSize).toBeCloseTo(8, 1);
  });

  test("a model beside one that is hardly ever asked is as if it were alone", () => {
    const busy = { baseMs: 5, perRequestMs: 1, maxBatchSize: 16 };
    const rare = { share: 1e-6, baseMs: 5, perRequestMs: 1, maxBatchSize: 16 };
    const both = { instances: 1, maxQueueDelayMs: 0, traffic: [{ ...busy, share: 1 - 1e-6 }, rare] };
    for (const rate of [20, 100, 300]) {
      const alone = predictBatching(single(busy), rate).overall;
      const [beside] = predictBatching(both, rate).traffic;
      expect(Math.abs(certain(beside).latencyMs.mean / alone.latencyMs.mean - 1)).toBeLessThan(0.08);
      expect(Math.abs(certain(beside).meanBatchSize / alone.meanBatchSize - 1)).toBeLessThan(0.08);
    }
  });

  test("all requests together have the mean of their models, and what comes out is what came in", () => {
    fc.assert(
      fc.property(replicas(4, 3, 20), loads, (replica, load) => {
        const { overall, traffic } = at(replica, load);
        const mean = traffic.reduce(
          (sum, { latencyMs }, model) => sum + certain(replica.traffic[model]).share * latencyMs.mean,
          0,
        );
        // Above the solved range waits grow, for each model and for all.
        expect(Math.abs(overall.latencyMs.mean / mean - 1)).toBeLessThan(1e-6);
      }),
      { numRuns: 60 },
    );
  });
});

describe("for any replica", () => {
  test("times are finite, ordered and at least a batch of one", () => {
    const wide = fc.record({
      instances: fc.integer({ min: 1, max: 20 }),
      maxQueueDelayMs: fc.oneof(fc.constant(0), logarithmic(1e-3, 1e5)),
      traffic: fc
        .array(
          fc.record({
            baseMs: fc.oneof(fc.constant(0), logarithmic(1e-6, 1e6)),
            perRequestMs: fc.oneof(fc.constant(0), logarithmic(1e-6, 1e5)),
            maxBatchSize: fc.integer({ min: 1, max: 300 }),
          }),
          { minLength: 1, maxLength: 4 },
        )
        // A share of nearly nothing beside others.
        .map((models) =>
          models.map((model, index) => ({
            ...model,
            share: index === 0 ? 1 - 1e-9 * (models.length - 1) : 1e-9,
          })),
        ),
    });
    const anyLoad = fc.oneof(loads, fc.constantFrom(1e-12, 0.999, 0.999999));
    fc.assert(
      fc.property(wide, anyLoad, (replica, load) => {
        const saturation = batchingSaturationPerSecond(replica);
        const prediction = predictBatching(
          replica,
          saturation < Number.POSITIVE_INFINITY ? load * saturation : 50,
        );
        for (const [model, times] of prediction.traffic.entries()) {
          const { baseMs, perRequestMs, maxBatchSize } = certain(replica.traffic[model]);
          const { mean, p50, p95, p99 } = times.latencyMs;
          const leastMs = baseMs + perRequestMs;
          expect(mean).toBeGreaterThanOrEqual(leastMs * (1 - 1e-9));
          expect(p50).toBeGreaterThanOrEqual(leastMs * 0.99);
          expect(p95).toBeGreaterThanOrEqual(p50);
          expect(p99).toBeGreaterThanOrEqual(p95);
          expect(
            [mean, p99, times.queueMs.mean, prediction.overall.latencyMs.p99].every(Number.isFinite),
          ).toBe(true);
          expect(times.meanBatchSize).toBeGreaterThanOrEqual(1 - 1e-9);
          expect(times.meanBatchSize).toBeLessThanOrEqual(maxBatchSize * (1 + 1e-9));
        }
      }),
      { numRuns: 200 },
    );
  });

  test("an equal question has an equal answer, and the order of models only orders the answer", () => {
    fc.assert(
      fc.property(replicas(4, 3, 20), loads, (replica, load) => {
        const prediction = at(replica, load);
        expect(at(replica, load)).toEqual(prediction);
        const reversed = at({ ...replica, traffic: replica.traffic.toReversed() }, load);
        expect({ ...reversed, traffic: reversed.traffic.toReversed() }).toEqual(prediction);
      }),
      { numRuns: 60 },
    );
  });

  test("times as many milliseconds and as few requests a second are as many times longer", () => {
    fc.assert(
      fc.property(replicas(3, 3, 20), loads, logarithmic(0.1, 10), (replica, load, factor) => {
        const slower = {
          ...replica,
          maxQueueDelayMs: factor * replica.maxQueueDelayMs,
          traffic: replica.traffic.map((model) => ({
            ...model,
            baseMs: factor * model.baseMs,
            perRequestMs: factor * model.perRequestMs,
          })),
        };
        const [times, longer] = [at(replica, load).overall, at(slower, load).overall];
        expect(Math.abs(longer.latencyMs.mean / times.latencyMs.mean / factor - 1)).toBeLessThan(1e-6);
        expect(Math.abs(longer.meanBatchSize / times.meanBatchSize - 1)).toBeLessThan(1e-6);
      }),
      { numRuns: 60 },
    );
  });

  test("a change by 0.001 % moves no time by more than 0.1 %", () => {
    const change = 1 + 1e-5;
    fc.assert(
      fc.property(replicas(3, 3, 20), loads, (replica, load) => {
        const rate = load * batchingSaturationPerSecond(replica);
        const before = predictBatching(replica, rate);
        const changedTraffic = (field: "baseMs" | "perRequestMs"): BatchingReplica => ({
          ...replica,
          traffic: replica.traffic.map((model, index) =>
            index === 0 ? { ...model, [field]: model[field] * change } : model,
          ),
        });
        const changed = [
          predictBatching(replica, rate * change),
          predictBatching({ ...replica, maxQueueDelayMs: replica.maxQueueDelayMs * change }, rate),
          predictBatching(changedTraffic("baseMs"), rate),
          predictBatching(changedTraffic("perRequestMs"), rate),
        ];
        for (const { traffic } of changed) {
          for (const [model, { latencyMs }] of traffic.entries()) {
            const was = certain(before.traffic[model]).latencyMs;
            expect(Math.abs(latencyMs.mean / was.mean - 1)).toBeLessThan(1e-3);
            for (const p of percentiles) expect(Math.abs(latencyMs[p] / was[p] - 1)).toBeLessThan(1e-3);
          }
        }
      }),
      { numRuns: 40 },
    );
  });
});

describe("input out of range is refused", () => {
  const model = { share: 1, baseMs: 1, perRequestMs: 1, maxBatchSize: 4 };
  const replica = { instances: 1, maxQueueDelayMs: 0, traffic: [model] };
  test.each([
    [{ ...replica, instances: 0 }, "instances 0 must be a whole number of at least 1"],
    [{ ...replica, maxQueueDelayMs: -1 }, "maxQueueDelayMs -1 must be at least 0 and finite"],
    [{ ...replica, traffic: [] }, "traffic must not be empty"],
    [{ ...replica, traffic: [{ ...model, share: 0 }] }, "traffic[0].share 0 must be above 0"],
    [{ ...replica, traffic: [model, model] }, "the shares of traffic sum to 2, not to 1"],
    [{ ...replica, traffic: [{ ...model, baseMs: Number.NaN }] }, "traffic[0].baseMs NaN"],
    [{ ...replica, traffic: [{ ...model, perRequestMs: Infinity }] }, "traffic[0].perRequestMs Infinity"],
    [{ ...replica, traffic: [{ ...model, maxBatchSize: 1.5 }] }, "traffic[0].maxBatchSize 1.5"],
  ])("%#: %j", (wrong, message) => {
    expect(() => predictBatching(wrong, 1)).toThrow(RangeError);
    expect(() => predictBatching(wrong, 1)).toThrow(message);
    expect(() => predictBatchingAlone(wrong)).toThrow(message);
  });

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])("a rate of %d", (rate) => {
    expect(() => predictBatching(replica, rate)).toThrow(`ratePerSecond ${rate} must be above 0 and finite`);
  });
});

describe("against the simulation", () => {
  /** Mean latency and its 95th percentile, of each model. */
  function simulated(
    replica: BatchingReplica,
    ratePerSecond: number,
  ): readonly (readonly [number, number])[] {
    const { instances, maxQueueDelayMs, traffic } = replica;
    const random = seededRandom(5, "agreement");
    const models: number[] = [];
    function* arrivals(): Generator<InferenceArrival, never> {
      for (let arrivalMillis = 0; ;) {
        arrivalMillis += exponential(random, 1000 / ratePerSecond);
        let chosen = random();
        const model = Math.max(
          0,
          traffic.findIndex(({ share }) => (chosen -= share) < 0),
        );
        models.push(model);
        const { baseMs, perRequestMs, maxBatchSize } = certain(traffic[model]);
        const parameters = { gammaMs: baseMs, deltaMs: perRequestMs };
        yield { arrivalMillis, batchKey: `${model}`, items: 1, maxBatchSize, parameters };
      }
    }
    const measured = { first: 2_000, count: 40_000 };
    const maxBatchSize = Math.max(...traffic.map((model) => model.maxBatchSize));
    const engine = { instances, maxBatchSize, maxQueueDelayMillis: maxQueueDelayMs, maxWaiting: 1e9 };
    const { requests } = runBatching(engine, arrivals(), measured, 1e9);
    return traffic.map((_, model) => {
      const latencies = requests
        .slice(measured.first, measured.first + measured.count)
        .filter((_, index) => models[measured.first + index] === model)
        .map(({ arrivalMillis, endMillis }) => endMillis - arrivalMillis)
        .toSorted((a, b) => a - b);
      const mean = latencies.reduce((sum, latency) => sum + latency, 0) / latencies.length;
      return [mean, certain(latencies[Math.ceil(0.95 * latencies.length) - 1])];
    });
  }

  function furthest(replica: BatchingReplica, load: number): { mean: number; p95: number } {
    const rate = load * batchingSaturationPerSecond(replica);
    const { traffic } = predictBatching(replica, rate);
    const off = (predicted: number, real: number): number => Math.abs(predicted / real - 1);
    const pairs = simulated(replica, rate).map(
      ([mean, p95], model): readonly [BatchingTimes, number, number] => [certain(traffic[model]), mean, p95],
    );
    return {
      mean: Math.max(...pairs.map(([{ latencyMs }, mean]) => off(latencyMs.mean, mean))),
      p95: Math.max(...pairs.map(([{ latencyMs }, , p95]) => off(latencyMs.p95, p95))),
    };
  }

  test.each([
    [{ baseMs: 5, perRequestMs: 1, maxBatchSize: 16 }, 0, 0.7],
    [{ baseMs: 0.5, perRequestMs: 3, maxBatchSize: 8 }, 0, 0.6],
    [{ baseMs: 20, perRequestMs: 0.1, maxBatchSize: 4 }, 0, 0.8],
    [{ baseMs: 3, perRequestMs: 0.5, maxBatchSize: 16 }, 10, 0.3],
    [{ baseMs: 1, perRequestMs: 0.1, maxBatchSize: 4 }, 5, 0.8],
    [{ baseMs: 30, perRequestMs: 1, maxBatchSize: 32 }, 10, 0.5],
  ])(
    "one model %j with a delay of %d ms at %d of saturation is met within 3 %",
    (model, maxQueueDelayMs, load) => {
      const { mean, p95 } = furthest(single(model, { maxQueueDelayMs }), load);
      expect(mean).toBeLessThan(0.03);
      expect(p95).toBeLessThan(0.05);
    },
  );

  const mixed = [
    { share: 0.5, baseMs: 5, perRequestMs: 0.5, maxBatchSize: 16 },
    { share: 0.3, baseMs: 2, perRequestMs: 1, maxBatchSize: 8 },
    { share: 0.2, baseMs: 20, perRequestMs: 0.2, maxBatchSize: 32 },
  ];
  test.each([
    [{ instances: 1, maxQueueDelayMs: 0, traffic: mixed }, 0.15, 0.05],
    [{ instances: 1, maxQueueDelayMs: 0, traffic: mixed }, 0.6, 0.1],
    [{ instances: 1, maxQueueDelayMs: 10, traffic: mixed }, 0.3, 0.1],
    [{ instances: 2, maxQueueDelayMs: 0, traffic: mixed }, 0.4, 0.2],
    [single({ baseMs: 5, perRequestMs: 1, maxBatchSize: 16 }, { instances: 3 }), 0.5, 0.1],
    [single({ baseMs: 5, perRequestMs: 1, maxBatchSize: 1 }, { instances: 4 }), 0.8, 0.1],
    [single({ baseMs: 5, perRequestMs: 1, maxBatchSize: 8 }, { instances: 2, maxQueueDelayMs: 5 }), 0.5, 0.1],
  ])(
    "%#: %j at %d of saturation is met within %d, its percentile within twice that",
    (replica, load, most) => {
      const { mean, p95 } = furthest(replica, load);
      expect(mean).toBeLessThan(most);
      expect(p95).toBeLessThan(2 * most);
    },
  );
});
