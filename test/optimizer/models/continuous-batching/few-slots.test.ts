import { expect, test } from "vitest";
import { certain } from "../../../../optimizer/certain.ts";
import { fewSlots, fewSlotsGapMs } from "../../../../optimizer/models/continuous-batching/few-slots.ts";
import { prepareGeneration } from "../../../../optimizer/models/continuous-batching/predict.ts";
import { requestMix } from "../../../../optimizer/models/continuous-batching/request-mix.ts";
import type { GenerationReplica } from "../../../../optimizer/models/generation-prediction.ts";
import { seededRandom } from "../../../../optimizer/simulation/random.ts";
import { simulate } from "../../../../optimizer/simulation/simulate.ts";
import { chat, withTraffic } from "./replicas.ts";

type Output = readonly [tokens: number, distribution: "fixed" | "geometric"];

function replicaOf(slots: number, prompt: number, [outputTokens, outputDistribution]: Output) {
  return withTraffic(
    { ...chat, maxBatchSize: slots },
    { inputTokens: prompt, outputTokens, outputDistribution },
  );
}

function gapMs(replica: GenerationReplica, arrivalsPerMs: number, waiting: number): number {
  const few = fewSlots(requestMix(replica));
  if (few === undefined) throw new Error("too many states");
  return fewSlotsGapMs(few, arrivalsPerMs, waiting);
}

test("a request that nothing follows decodes alone", () => {
  expect(gapMs(replicaOf(2, 300, [6, "fixed"]), 0, 0)).toBeCloseTo(8.1, 9);
  expect(gapMs(replicaOf(4, 300, [6, "geometric"]), 0, 0)).toBeCloseTo(8.1, 9);
});

test("with two slots and geometric outputs always taken, a decode meets the prompt that took the other's place", () => {
  // Each slot decodes with probability 1/2 in every iteration; the other then reads its prompt or decodes.
  const readMs = 10 + 0.05 * 300;
  expect(gapMs(replicaOf(2, 300, [2, "geometric"]), 0.05, 1e9)).toBeCloseTo(8.15 + readMs / 2, 1);
});

test.each<[number, number, Output, number]>([
  [2, 300, [4, "fixed"], 0.5],
  [2, 6_000, [40, "geometric"], 0.6],
  [3, 9_000, [6, "geometric"], 0.7],
  [3, 200, [2, "fixed"], 0.5],
  [5, 200, [8, "geometric"], 0.7],
  [8, 200, [2, "geometric"], 0.8],
])("%i slots and prompts of %i tokens have the simulation's mean gap", (slots, prompt, output, use) => {
  const replica = replicaOf(slots, prompt, output);
  const { saturationPerSecond, predict } = prepareGeneration(replica);
  const ratePerSecond = use * saturationPerSecond;
  const [tokens, distribution] = output;
  const { summary } = simulate({
    engine: { ...replica, maxWaiting: 1_000_000 },
    load: {
      kind: "poisson",
      ratePerSecond,
      random: seededRandom(1, "few slots"),
      requests: 100_000,
      promptTokens: { kind: "fixed", tokens: prompt },
      outputTokens:
        distribution === "fixed" ? { kind: "fixed", tokens } : { kind: "geometric", meanTokens: tokens },
    },
  });
  expect(Math.abs(predict(ratePerSecond).overall.itlMs.mean / summary.itlMillis.mean - 1)).toBeLessThan(0.02);
});

test("a length that is nearly whole has nearly the gap of the whole one", () => {
  const [whole, longer] = [3, 3.0001].map((tokens) => gapMs(replicaOf(2, 300, [tokens, "fixed"]), 0.01, 0.5));
  expect(certain(longer) / certain(whole)).toBeCloseTo(1, 3);
});

test("nothing is followed where averages do, or states are too many", () => {
  expect(fewSlots(requestMix(replicaOf(1, 300, [6, "geometric"])))).toBeUndefined();
  expect(fewSlots(requestMix(replicaOf(8, 300, [6, "fixed"])))).toBeUndefined();
  expect(fewSlots(requestMix(replicaOf(8, 300, [200, "geometric"])))).toBeUndefined();
  expect(fewSlots(requestMix(replicaOf(500, 300, [6, "geometric"])))).toBeUndefined();
});
