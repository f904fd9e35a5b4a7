import { describe, expect, test } from "vitest";
import { seededRandom } from "../../../optimizer/simulation/random.ts";
import { simulate } from "../../../optimizer/simulation/simulate.ts";
import { simulateDisaggregated } from "../../../optimizer/simulation/simulate-disaggregated.ts";

const engine = {
  parameters: { alphaMs: 8, betaMs: 0.1, gammaMs: 10, deltaMs: 0.05 },
  maxBatchSize: 64,
  maxBatchedTokens: 8192,
};

function twoPools(outputTokens: number, ratePerSecond: number, replicas = 1, transferMs = 0) {
  return simulateDisaggregated({
    prefill: { engine, replicas },
    decode: { engine, replicas },
    load: {
      kind: "poisson",
      ratePerSecond,
      promptTokens: { kind: "fixed", tokens: 1000 },
      outputTokens: { kind: "fixed", tokens: outputTokens },
      random: seededRandom(3, "pools"),
      requests: 20_000,
    },
    transferMs,
  });
}

describe("two pools", () => {
  test("give a request alone its prefill, its transfer and its tokens", () => {
    const { ttftMillis, itlMeanMillis, latencyMillis } = twoPools(11, 1e-3, 1, 25);
    expect(ttftMillis.p50).toBeCloseTo(10 + 0.05 * 1000 + 25, 6);
    // Joining the empty second pool costs nothing; the ten tokens that are left take 8.1 ms each.
    expect(latencyMillis.p50).toBeCloseTo(85 + 10 * 8.1, 3);
    expect(itlMeanMillis).toBeCloseTo(8.1, 2);
  });

  test("are one engine where requests have one token", () => {
    const { ttftMillis, itlMeanMillis, latencyMillis } = twoPools(1, 10);
    const { summary } = simulate({
      engine,
      load: {
        kind: "poisson",
        ratePerSecond: 10,
        promptTokens: { kind: "fixed", tokens: 1000 },
        outputTokens: { kind: "fixed", tokens: 1 },
        random: seededRandom(4, "engine"),
        requests: 20_000,
      },
    });
    expect(itlMeanMillis).toBeNaN();
    expect(latencyMillis.mean).toBe(ttftMillis.mean);
    const tolerance = ttftMillis.meanHalfWidth + summary.ttftMillis.meanHalfWidth;
    expect(Math.abs(ttftMillis.mean - summary.ttftMillis.mean)).toBeLessThan(tolerance);
  });

  test("keep prompts from delaying tokens, unlike one engine", () => {
    const { itlMeanMillis } = twoPools(100, 8);
    const { summary } = simulate({
      engine,
      load: {
        kind: "poisson",
        ratePerSecond: 8,
        promptTokens: { kind: "fixed", tokens: 1000 },
        outputTokens: { kind: "fixed", tokens: 100 },
        random: seededRandom(5, "engine"),
        requests: 5_000,
      },
    });
    expect(itlMeanMillis).toBeLessThan(0.8 * summary.itlMillis.mean);
  });

  test("answer faster with more replicas, and the same for the same seed", () => {
    const one = twoPools(50, 14);
    expect(twoPools(50, 14, 3).latencyMillis.mean).toBeLessThan(one.latencyMillis.mean);
    expect(twoPools(50, 14)).toEqual(one);
  });
});
