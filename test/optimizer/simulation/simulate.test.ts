import { describe, expect, test } from "vitest";
import { departureRatePerMs } from "../../../optimizer/models/batch-queue.ts";
import { infernoReplica } from "../../../optimizer/models/inferno.ts";
import type { ContinuousBatchSettings } from "../../../optimizer/simulation/continuous-batching.ts";
import { seededRandom } from "../../../optimizer/simulation/random.ts";
import { simulate, type GenerationLoad, type Simulation } from "../../../optimizer/simulation/simulate.ts";

const parameters = { alphaMs: 8, betaMs: 0.1, gammaMs: 10, deltaMs: 0.05 };
const chat = {
  kind: "poisson",
  promptTokens: { kind: "fixed", tokens: 2_048 },
  outputTokens: { kind: "geometric", meanTokens: 256 },
} as const;

function simulated(
  load: Omit<GenerationLoad, "random">,
  engine: Partial<ContinuousBatchSettings> = {},
  seed = 1,
): Simulation {
  return simulate({
    engine: { parameters, maxBatchSize: 64, ...engine },
    load: { ...load, random: seededRandom(seed, "simulation") },
  });
}

describe("random arrivals", () => {
  test("at 60 % of Inferno's capacity, long prompts get their first token after about 184 ms and the next ones every 17", () => {
    const member = { workload: "chat", profile: parameters, inputTokens: 2_048, outputTokens: 256, share: 1 };
    const ratePerSecond = 0.6 * 1000 * departureRatePerMs(infernoReplica([member], 64).service, 64);
    const { summary, ended } = simulated({ ...chat, ratePerSecond, requests: 60_000 });
    expect(ended).toBe("complete");
    expect(Math.abs(summary.ttftMillis.mean - 184)).toBeLessThan(4);
    expect(Math.abs(summary.itlMillis.mean - 17)).toBeLessThan(0.5);
    // Both are known far better than that.
    expect(summary.ttftMillis.meanHalfWidth).toBeLessThan(3);
    expect(summary.itlMillis.meanHalfWidth).toBeLessThan(0.3);
  });

  test("with Little's law: those in the system are the rate times the latency", () => {
    const { summary } = simulated({ ...chat, ratePerSecond: 4, requests: 40_000 });
    const { mean, meanHalfWidth } = summary.latencyMillis;
    const inSystem = summary.meanWaiting + summary.meanRunning;
    const perMilli = summary.throughputPerSecond / 1000;
    expect(Math.abs(inSystem - perMilli * mean)).toBeLessThan(perMilli * meanHalfWidth);
    expect(summary.throughputPerSecond).toBeCloseTo(4, 1);
  });

  test("one at a time with fixed lengths wait as the Pollaczek-Khinchine formula says", () => {
    // Service takes 10 + 0.05·200 + 3·8.1 = 44.3 ms; at 15 a second the engine is busy for 66.45 %.
    const { summary } = simulated(
      {
        kind: "poisson",
        ratePerSecond: 15,
        promptTokens: { kind: "fixed", tokens: 200 },
        outputTokens: { kind: "fixed", tokens: 4 },
        requests: 200_000,
      },
      { maxBatchSize: 1, maxWaiting: 10_000 },
    );
    const busy = (15 * 44.3) / 1000;
    const waitMillis = (busy * 44.3) / (2 * (1 - busy));
    // Two half-widths: a right simulation lies outside of one with one seed of twenty.
    expect(Math.abs(summary.ttftMillis.mean - (waitMillis + 20))).toBeLessThan(
      2 * summary.ttftMillis.meanHalfWidth,
    );
    expect(summary.ttftMillis.meanHalfWidth).toBeLessThan(2);
    expect(summary.utilisation).toBeCloseTo(busy, 9);
    expect(summary.itlMillis.mean).toBeCloseTo(8.1, 9);
    expect(summary.itlMillis.p95).toBeCloseTo(8.1, 9);
  });

  test("give an equal answer for an equal seed and another one for another", () => {
    const load = { ...chat, ratePerSecond: 4, requests: 500 };
    expect(simulated(load)).toEqual(simulated(load));
    expect(simulated(load, {}, 2).summary.ttftMillis.mean).not.toBe(simulated(load).summary.ttftMillis.mean);
  });

  test("are the same requests at every rate, only closer together", () => {
    const slow = simulated({ ...chat, ratePerSecond: 2, requests: 200, warmUpRequests: 0 });
    const fast = simulated({ ...chat, ratePerSecond: 4, requests: 200, warmUpRequests: 0 });
    expect(fast.requests.map(({ outputTokens }) => outputTokens)).toEqual(
      slow.requests.map(({ outputTokens }) => outputTokens),
    );
    for (const [index, { arrivalMillis }] of fast.requests.entries()) {
      expect(arrivalMillis * 2).toBeCloseTo(slow.requests[index]?.arrivalMillis ?? 0, 6);
    }
  });

  test("above saturation fill the queue, are refused, and get the saturation rate", () => {
    const bounded = { maxWaiting: 640 };
    const { summary, ended } = simulated({ ...chat, ratePerSecond: 18, requests: 10_000 }, bounded);
    expect(ended).toBe("complete");
    expect(summary.utilisation).toBeGreaterThan(2.5);
    expect(summary.refused + summary.finished).toBe(10_000);
    expect(summary.refused).toBeGreaterThan(5_000);
    expect(summary.throughputPerSecond / summary.saturationRatePerSecond).toBeCloseTo(1, 1);
    // 640 may wait, and do.
    expect(summary.meanWaiting).toBeGreaterThan(600);
  });

  test("above saturation all wait their turn where the queue has no bound", () => {
    const { summary, ended } = simulated({ ...chat, ratePerSecond: 18, requests: 10_000 });
    expect(ended).toBe("complete");
    expect(summary.refused).toBe(0);
    expect(summary.finished).toBe(10_000);
    expect(summary.meanWaiting).toBeGreaterThan(2_000);
  });

  test("at any rate end at a bound, be it of arrivals or of iterations", () => {
    const flood = simulated({ ...chat, ratePerSecond: 1e12, requests: 10 });
    expect(flood.summary.finished + flood.summary.refused).toBe(10);
    const endless = simulate({
      engine: { parameters, maxBatchSize: 4 },
      load: {
        ...chat,
        outputTokens: { kind: "fixed", tokens: 1e15 },
        ratePerSecond: 1,
        random: seededRandom(1, ""),
      },
      maxIterations: 100_000,
    });
    expect(endless).toMatchObject({ ended: "iteration-limit", iterations: 100_000 });
    expect(endless.summary.finished).toBe(0);
    expect(endless.summary.saturationRatePerSecond).toBeNaN();
  });
});

describe("a trace", () => {
  test("has the summary that its requests have", () => {
    const { summary, requests } = simulate({
      engine: { parameters: { alphaMs: 8, betaMs: 0.5, gammaMs: 10, deltaMs: 0.25 }, maxBatchSize: 4 },
      load: {
        kind: "trace",
        arrivals: [
          { arrivalMillis: 0, promptTokens: 100, outputTokens: 4 },
          { arrivalMillis: 40, promptTokens: 40, outputTokens: 2 },
          { arrivalMillis: 200, promptTokens: 40, outputTokens: 1 },
        ],
      },
    });
    // First tokens at 35, 72 and 220, last ones at 81, 81 and 220.
    expect(requests.map(({ lastTokenMillis }) => lastTokenMillis)).toEqual([81, 81, 220]);
    expect(summary.ttftMillis).toMatchObject({ mean: (35 + 32 + 20) / 3, p50: 32, p95: 35, p99: 35 });
    expect(summary.latencyMillis).toMatchObject({ p50: 41, p99: 81 });
    // Three gaps in 46 ms and one in 9; a request of one token has none.
    expect(summary.itlMillis).toMatchObject({ mean: 55 / 4, p95: 46 / 3 });
    expect(summary.throughputPerSecond).toBeCloseTo(3000 / 220, 9);
    // Two gaps of 100 ms in the mean.
    expect(summary.utilisation * summary.saturationRatePerSecond).toBeCloseTo(10, 9);
    expect(summary.ttftMillis.meanHalfWidth).toBe(Number.POSITIVE_INFINITY);
  });

  test("leaves out its warm-up", () => {
    const arrivals = [0, 1_000, 2_000].map((arrivalMillis) => ({
      arrivalMillis,
      promptTokens: 10,
      outputTokens: 2,
    }));
    const engine = { parameters, maxBatchSize: 4 };
    const { requests } = simulate({ engine, load: { kind: "trace", arrivals, warmUpRequests: 2 } });
    expect(requests.map(({ arrivalMillis }) => arrivalMillis)).toEqual([2_000]);
  });

  test.each([
    ["has no requests", [], "0 requests after 0"],
    ["goes back in time", [trace(5), trace(4)], "arrivals[1]: time 4 ms"],
    ["has a time that is none", [trace(Number.NaN)], "arrivals[0]: time NaN ms"],
    ["has half a token", [{ ...trace(0), outputTokens: 0.5 }], "arrivals[0]: 1 prompt and 0.5 output tokens"],
    ["has no prompt", [{ ...trace(0), promptTokens: 0 }], "arrivals[0]: 0 prompt"],
  ])("that %s is refused", (_, arrivals, message) => {
    const engine = { parameters, maxBatchSize: 4 };
    expect(() => simulate({ engine, load: { kind: "trace", arrivals } })).toThrow(message);
  });
});

test.each([
  ["a rate of 0", { ratePerSecond: 0 }, "ratePerSecond 0 must be above 0"],
  ["no requests", { requests: 0 }, "0 requests after 0"],
  ["a mean below one token", { outputTokens: { kind: "geometric", meanTokens: 0.5 } }, "meanTokens 0.5"],
  [
    "a prompt of no tokens",
    { promptTokens: { kind: "fixed", tokens: 0 } },
    "tokens 0 must be a whole number",
  ],
] as const)("%s is refused", (_, changes, message) => {
  expect(() => simulated({ ...chat, ratePerSecond: 1, requests: 10, ...changes })).toThrow(message);
});

describe("the saturation rate", () => {
  test("of an engine that serves one at a time is one over the time of a request", () => {
    const { summary } = simulated(
      {
        kind: "poisson",
        ratePerSecond: 1,
        promptTokens: { kind: "fixed", tokens: 200 },
        outputTokens: { kind: "fixed", tokens: 4 },
        requests: 10,
      },
      { maxBatchSize: 1 },
    );
    expect(summary.saturationRatePerSecond).toBeCloseTo(1000 / 44.3, 9);
  });

  test("of requests of one token is set by the prompts that an iteration reads", () => {
    // Four prompts of 2,048 fill the budget of 8,192: 10 + 0.05·8192 ms for four requests.
    const { summary } = simulated({
      ...chat,
      outputTokens: { kind: "fixed", tokens: 1 },
      ratePerSecond: 1,
      requests: 10,
    });
    expect(summary.saturationRatePerSecond).toBeCloseTo(4000 / (10 + 0.05 * 8_192), 6);
  });
});

function trace(arrivalMillis: number) {
  return { arrivalMillis, promptTokens: 1, outputTokens: 1 };
}
