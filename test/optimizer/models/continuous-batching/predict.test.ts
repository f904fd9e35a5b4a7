import { describe, expect, test } from "vitest";
import {
  generationSaturationPerSecond,
  predictGeneration,
  predictGenerationAlone,
  prepareGeneration,
} from "../../../../optimizer/models/continuous-batching/predict.ts";
import type { GenerationReplica } from "../../../../optimizer/models/generation-prediction.ts";
import { seededRandom } from "../../../../optimizer/simulation/random.ts";
import { simulate, type SimulationSummary } from "../../../../optimizer/simulation/simulate.ts";
import { chat, withTraffic } from "./replicas.ts";

describe("one request at a time", () => {
  test("reads its prompt in whole iterations and decodes alone", () => {
    const { overall, utilisation, throughputPerSecond } = predictGenerationAlone(
      withTraffic(chat, { inputTokens: 20_000 }),
    );
    // Three iterations of at most 8,192 tokens.
    expect(overall.ttftMs.mean).toBeCloseTo(3 * 10 + 0.05 * 20_000, 6);
    expect(overall.ttftMs.p99).toBeCloseTo(overall.ttftMs.mean, 1);
    expect(overall.itlMs.mean).toBeCloseTo(8.1, 9);
    expect(overall.latencyMs.mean).toBeCloseTo(1_030 + 255 * 8.1, 6);
    expect([utilisation, throughputPerSecond]).toEqual([0, 0]);
  });

  test("waits, with one slot, as the Pollaczek-Khinchine formula says", () => {
    const replica = withTraffic(
      { ...chat, maxBatchSize: 1 },
      { inputTokens: 200, outputTokens: 4, outputDistribution: "fixed" },
    );
    const serviceMs = 10 + 0.05 * 200 + 3 * 8.1;
    for (const use of [0.1, 0.6, 0.9]) {
      const { overall, utilisation } = predictGeneration(replica, (use * 1000) / serviceMs);
      expect(utilisation).toBeCloseTo(use, 6);
      expect(overall.ttftMs.mean).toBeCloseTo(20 + (use * serviceMs) / (2 * (1 - use)), 3);
      expect(overall.itlMs.mean).toBeCloseTo(8.1, 6);
    }
  });

  test("waits, with one slot and geometric outputs, as the Pollaczek-Khinchine formula says", () => {
    const replica = withTraffic({ ...chat, maxBatchSize: 1 }, { inputTokens: 200, outputTokens: 40 });
    const meanMs = 20 + 39 * 8.1;
    const square = meanMs ** 2 + 39 * 40 * 8.1 ** 2;
    const ratePerMs = 0.7 / meanMs;
    const waitMs = (ratePerMs * square) / (2 * (1 - 0.7));
    expect(predictGeneration(replica, 1000 * ratePerMs).overall.ttftMs.mean / (20 + waitMs)).toBeCloseTo(
      1,
      2,
    );
  });
});

describe("requests of one token", () => {
  // A prompt of 2,048 tokens takes 311 ms, four of them share an iteration at most.
  const reading: GenerationReplica = {
    ...withTraffic(chat, { outputTokens: 1, outputDistribution: "fixed" }),
    parameters: { alphaMs: 33, betaMs: 0.3, gammaMs: 6, deltaMs: 0.149 },
  };
  const { saturationPerSecond, predict } = prepareGeneration(reading);

  test.each([0.5, 0.7, 0.8, 0.85])("wait as the simulation says at %d of saturation", (use) => {
    const ratePerSecond = use * saturationPerSecond;
    const { summary } = simulate({
      engine: reading,
      load: {
        kind: "poisson",
        ratePerSecond,
        promptTokens: { kind: "fixed", tokens: 2048 },
        outputTokens: { kind: "fixed", tokens: 1 },
        random: seededRandom(2, "one token"),
        requests: 40_000,
      },
    });
    expect(Math.abs(predict(ratePerSecond).overall.ttftMs.mean / summary.ttftMillis.mean - 1)).toBeLessThan(
      0.12,
    );
  });

  test("wait longer the more of them there are", () => {
    let before = 0;
    for (let use = 0.02; use < 0.98; use += 0.02) {
      const { mean } = predict(use * saturationPerSecond).overall.ttftMs;
      expect(mean).toBeGreaterThan(before);
      before = mean;
    }
  });
});

describe("saturation", () => {
  test("of geometric outputs, each slot begins anew with probability 1/K an iteration", () => {
    const replica = withTraffic({ ...chat, maxBatchSize: 4 }, { inputTokens: 100, outputTokens: 10 });
    const begins = 1 - 0.9 ** 4;
    const iterationMs = 8 * (1 - 0.1 ** 4) + 0.1 * 3.6 + 10 * begins + 0.05 * 100 * 0.4;
    expect(generationSaturationPerSecond(replica)).toBeCloseTo((1000 * 0.4) / iterationMs, 6);
  });

  test("of equal outputs, all slots go through their iterations in step", () => {
    const replica = withTraffic(
      { ...chat, maxBatchSize: 4 },
      { inputTokens: 100, outputTokens: 10, outputDistribution: "fixed" },
    );
    const cycleMs = 10 + 0.05 * 400 + 9 * 8.4;
    expect(generationSaturationPerSecond(replica)).toBeCloseTo(4_000 / cycleMs, 6);
  });

  test("of one token each, prompts fill the token budget of every iteration", () => {
    const replica = withTraffic({ ...chat, maxBatchSize: 500 }, { inputTokens: 1_000, outputTokens: 1 });
    expect(generationSaturationPerSecond(replica) / (8_192 / (10 + 0.05 * 8_192))).toBeCloseTo(1, 1);
  });
});

describe("at and beyond saturation", () => {
  test("times are infinite, the throughput is the saturation rate, utilisation is told as it is", () => {
    const { saturationPerSecond, predict } = prepareGeneration(chat);
    const { overall, traffic, utilisation, throughputPerSecond } = predict(1.5 * saturationPerSecond);
    expect(utilisation).toBeCloseTo(1.5, 9);
    expect(throughputPerSecond).toBe(saturationPerSecond);
    expect([overall.ttftMs.mean, overall.ttftMs.p50, overall.latencyMs.p95]).toEqual([
      Infinity,
      Infinity,
      Infinity,
    ]);
    expect(overall.itlMs.mean).toBeGreaterThan(8.1);
    expect(traffic).toHaveLength(1);
  });

  test("just below it they are finite and rise", () => {
    const { saturationPerSecond, predict } = prepareGeneration(chat);
    const times = [0.9, 0.95, 0.99, 0.999].map(
      (use) => predict(use * saturationPerSecond).overall.ttftMs.mean,
    );
    expect(times).toEqual(times.toSorted((left, right) => left - right));
    expect(times.at(-1)).toBeLessThan(Infinity);
  });

  test("equal outputs that come at random lose their step, so that the queue grows without end below saturation", () => {
    const replica: GenerationReplica = {
      parameters: { alphaMs: 12, betaMs: 0.02, gammaMs: 27, deltaMs: 0.007 },
      maxBatchSize: 24,
      maxBatchedTokens: 3_500,
      traffic: [{ share: 1, inputTokens: 31, outputTokens: 79, outputDistribution: "fixed" }],
    };
    const { saturationPerSecond, predict } = prepareGeneration(replica);
    const summary = simulated(replica, 0.75 * saturationPerSecond);
    expect(predict(0.75 * saturationPerSecond).overall.ttftMs.mean).toBe(Infinity);
    // In the simulation they wait as long as it goes on.
    expect(summary.ttftMillis.mean).toBeGreaterThan(20_000);
  });
});

describe("against the simulation", () => {
  test.each<[string, GenerationReplica, number]>([
    ["chats", chat, 0.6],
    ["prompts of several iterations", withTraffic(chat, { inputTokens: 20_000, outputTokens: 100 }), 0.6],
    ["few slots", withTraffic({ ...chat, maxBatchSize: 20 }, { inputTokens: 300 }), 0.7],
    ["one token", withTraffic(chat, { inputTokens: 500, outputTokens: 1 }), 0.6],
  ])("%s meet about the same", (_, replica, use) => {
    const { saturationPerSecond, predict } = prepareGeneration(replica);
    const { overall } = predict(use * saturationPerSecond);
    const summary = simulated(replica, use * saturationPerSecond);
    expect(saturationPerSecond / summary.saturationRatePerSecond).toBeCloseTo(1, 1);
    expect(Math.abs(overall.ttftMs.mean / summary.ttftMillis.mean - 1)).toBeLessThan(0.08);
    expect(Math.abs(overall.ttftMs.p95 / summary.ttftMillis.p95 - 1)).toBeLessThan(0.25);
    if (overall.itlMs.mean === 0) expect(summary.itlMillis.mean).toBeNaN();
    else expect(Math.abs(overall.itlMs.mean / summary.itlMillis.mean - 1)).toBeLessThan(0.05);
    expect(Math.abs(overall.latencyMs.mean / summary.latencyMillis.mean - 1)).toBeLessThan(0.08);
  });
});

test.each<[string, GenerationReplica]>([
  ["alphaMs", { ...chat, parameters: { ...chat.parameters, alphaMs: -1 } }],
  ["deltaMs", { ...chat, parameters: { ...chat.parameters, deltaMs: Number.NaN } }],
  ["gammaMs", { ...chat, parameters: { ...chat.parameters, gammaMs: Number.POSITIVE_INFINITY } }],
  ["maxBatchSize", { ...chat, maxBatchSize: 0.5 }],
  ["maxBatchedTokens", { ...chat, maxBatchedTokens: 0 }],
  ["inputTokens", withTraffic(chat, { inputTokens: 0 })],
  ["outputTokens", withTraffic(chat, { outputTokens: 0.9 })],
  ["share", withTraffic(chat, { share: -1 })],
  ["shares", withTraffic(chat, { share: 0.5 })],
  ["shares", { ...chat, traffic: [] }],
])("%s out of range is a RangeError that names it", (name, replica) => {
  expect(() => prepareGeneration(replica)).toThrow(RangeError);
  expect(() => prepareGeneration(replica)).toThrow(name);
});

test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])("a rate of %d is a RangeError", (rate) => {
  expect(() => predictGeneration(chat, rate)).toThrow(RangeError);
});

function simulated(replica: GenerationReplica, ratePerSecond: number): SimulationSummary {
  const [kind] = replica.traffic;
  if (kind === undefined) throw new Error("no traffic");
  const { inputTokens, outputTokens, outputDistribution } = kind;
  return simulate({
    engine: { ...replica, maxWaiting: 1_000_000 },
    load: {
      kind: "poisson",
      ratePerSecond,
      random: seededRandom(1, "prediction"),
      requests: 40_000,
      promptTokens: { kind: "fixed", tokens: inputTokens },
      outputTokens:
        outputDistribution === "fixed"
          ? { kind: "fixed", tokens: outputTokens }
          : { kind: "geometric", meanTokens: outputTokens },
    },
  }).summary;
}
