import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sizeDisaggregated } from "../../../optimizer/sizing/disaggregated.ts";
import type { DisaggregatedDemand, DisaggregatedSize } from "../../../optimizer/sizing/disaggregated.ts";
import type { PoolShape } from "../../../optimizer/sizing/pool-load.ts";
import { seededRandom } from "../../../optimizer/simulation/random.ts";
import { simulateDisaggregated } from "../../../optimizer/simulation/simulate-disaggregated.ts";

/** A prompt of 2,048 tokens takes 112 ms alone, a token 8 ms. */
const large: PoolShape = {
  accelerator: "large",
  gpusPerReplica: 1,
  parameters: { alphaMs: 8, betaMs: 0.1, gammaMs: 10, deltaMs: 0.05 },
  maxBatchSize: 64,
  maxBatchedTokens: 8192,
  usdPerReplicaHour: 4,
};
/** Reads at a third of the speed and generates at two thirds, for a quarter of the price. */
const small: PoolShape = {
  ...large,
  accelerator: "small",
  parameters: { alphaMs: 12, betaMs: 0.15, gammaMs: 15, deltaMs: 0.15 },
  usdPerReplicaHour: 1,
};

const chat: DisaggregatedDemand = {
  requestsPerSecond: 12,
  traffic: { inputTokens: 2048, outputTokens: 256, outputDistribution: "geometric" },
  slo: { ttftMeanMs: 300, itlMeanMs: 20 },
  transferMs: 20,
};

function sized(demand: DisaggregatedDemand, ...shapes: PoolShape[]): DisaggregatedSize {
  const size = sizeDisaggregated(demand, shapes, shapes);
  if (!size) throw new Error("no pools hold the targets");
  return size;
}

function simulated(demand: DisaggregatedDemand, { prefill, decode }: DisaggregatedSize) {
  const engine = ({ parameters, maxBatchSize, maxBatchedTokens }: PoolShape) => ({
    parameters,
    maxBatchSize,
    maxBatchedTokens,
  });
  return simulateDisaggregated({
    prefill: { engine: engine(prefill.shape), replicas: prefill.replicas },
    decode: { engine: engine(decode.shape), replicas: decode.replicas },
    load: {
      kind: "poisson",
      ratePerSecond: demand.requestsPerSecond,
      promptTokens: { kind: "fixed", tokens: demand.traffic.inputTokens },
      outputTokens: { kind: "geometric", meanTokens: demand.traffic.outputTokens },
      random: seededRandom(1, "disaggregated"),
      requests: 30_000,
    },
    transferMs: demand.transferMs,
  });
}

describe("the sizes of two pools", () => {
  test("hold in the simulation what they predict", () => {
    const size = sized(chat, large);
    const summary = simulated(chat, size);
    expect(Math.abs(summary.ttftMillis.mean / size.ttft.meanMs - 1)).toBeLessThan(0.1);
    expect(Math.abs(summary.itlMeanMillis / size.itl.meanMs - 1)).toBeLessThan(0.05);
    expect(Math.abs(summary.latencyMillis.mean / size.latency.meanMs - 1)).toBeLessThan(0.05);
    expect(summary.ttftMillis.mean).toBeLessThan(300);
    expect(summary.itlMeanMillis).toBeLessThan(20);
  });

  test("are the least: one replica less of either pool breaks a target in the simulation", () => {
    const size = sized({ ...chat, slo: { ttftMeanMs: 220, itlMeanMs: 11 } }, large);
    const fewerPrefill = { ...size, prefill: { ...size.prefill, replicas: size.prefill.replicas - 1 } };
    const fewerDecode = { ...size, decode: { ...size.decode, replicas: size.decode.replicas - 1 } };
    expect(simulated(chat, fewerPrefill).ttftMillis.mean).toBeGreaterThan(220);
    expect(simulated(chat, fewerDecode).itlMeanMillis).toBeGreaterThan(11);
  });

  test("put each pool where it is cheapest", () => {
    // A prompt of 2,048 tokens takes the small accelerator 322 ms, more than the target.
    const size = sized(chat, large, small);
    expect(size.prefill.shape.accelerator).toBe("large");
    expect(size.decode.shape.accelerator).toBe("small");
    expect(size.usdPerHour).toBeLessThan(sized(chat, large).usdPerHour);
  });

  test("trade replicas of one pool for replicas of the other where the whole request is limited", () => {
    const latencyMeanMs = 3200;
    const size = sized({ ...chat, slo: { latencyMeanMs } }, large);
    expect(size.latency.meanMs).toBeLessThanOrEqual(latencyMeanMs);
    const all = [];
    for (let prefill = 1; prefill <= 12; prefill++) {
      for (let decode = 1; decode <= 12; decode++) {
        const fixed = {
          ...size,
          prefill: { ...size.prefill, replicas: prefill },
          decode: { ...size.decode, replicas: decode },
        };
        if (prefill + decode === size.prefill.replicas + size.decode.replicas - 1) all.push(fixed);
      }
    }
    for (const fewer of all)
      expect(simulated(chat, fewer).latencyMillis.mean).toBeGreaterThan(latencyMeanMs * 0.95);
  });

  test("need no second pool where every request has one token", () => {
    const size = sized({ ...chat, traffic: { ...chat.traffic, outputTokens: 1 } }, large);
    expect(size.decode.replicas).toBe(0);
    expect(size.itl.meanMs).toBe(0);
    expect(size.latency).toEqual(size.ttft);
  });

  test("do not exist where one request alone is too slow", () => {
    expect(sizeDisaggregated({ ...chat, slo: { ttftMeanMs: 100 } }, [large], [large])).toBeUndefined();
    expect(sizeDisaggregated({ ...chat, slo: { itlMeanMs: 8 } }, [large], [large])).toBeUndefined();
    expect(sizeDisaggregated({ ...chat, slo: { latencyMeanMs: 2000 } }, [large], [large])).toBeUndefined();
  });

  test("cost no more with another shape to choose from, and no less for more load", () => {
    const slos = fc.record(
      {
        ttftMeanMs: fc.integer({ min: 200, max: 2000 }),
        ttftP95Ms: fc.integer({ min: 400, max: 3000 }),
        itlMeanMs: fc.integer({ min: 11, max: 40 }),
        latencyP95Ms: fc.integer({ min: 12_000, max: 60_000 }),
      },
      { requiredKeys: [] },
    );
    const rates = fc.double({ min: 0.1, max: 40, noNaN: true });
    fc.assert(
      fc.property(
        slos,
        rates,
        fc.double({ min: 1, max: 3, noNaN: true }),
        (slo, requestsPerSecond, factor) => {
          const demand = { ...chat, slo, requestsPerSecond };
          const one = sizeDisaggregated(demand, [large], [large]);
          const two = sizeDisaggregated(demand, [large, small], [small, large]);
          if (one) expect(two?.usdPerHour).toBeLessThanOrEqual(one.usdPerHour);
          const more = sizeDisaggregated(
            { ...demand, requestsPerSecond: requestsPerSecond * factor },
            [large],
            [large],
          );
          if (one && more) expect(more.usdPerHour).toBeGreaterThanOrEqual(one.usdPerHour);
          expect(more === undefined).toBe(one === undefined);
        },
      ),
      { numRuns: 30 },
    );
  });
});
