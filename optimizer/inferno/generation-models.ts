import { prepareGeneration } from "../models/continuous-batching/predict.ts";
import type { PreparedGeneration } from "../models/continuous-batching/predict.ts";
import {
  limitedWaitingFraction,
  plannedShareOfRate,
  plannedShareOfSlack,
  unlimitedWaitingFraction,
} from "../sizing/margins.ts";
import { lowestLoadFraction } from "./rate-model.ts";
import type { RateModel, RateModels } from "./rate-model.ts";

/** Tokens that one iteration of an engine processes: what vLLM comes with on data-centre GPUs. */
const maxBatchedTokens = 8192;

const msPerSecond = 1000;

/** One replica of an engine with continuous batching; `rho` is its utilisation, the rate over the saturation rate. */
class GenerationRates implements RateModel {
  readonly #generation: PreparedGeneration;
  readonly lowestPerMs: number;
  readonly highestPerMs: number;
  readonly unlimitedWaitingFraction = unlimitedWaitingFraction / limitedWaitingFraction;
  // Targets are on means here: the margin of their slack is taken off the rate as well.
  readonly plannedShareOfRate = plannedShareOfRate * plannedShareOfSlack.mean;
  readonly precision = 1e-6;
  throughputPerMs = 0;
  itlMs = 0;
  ttftMs = 0;
  rho = 0;

  constructor(generation: PreparedGeneration) {
    this.#generation = generation;
    const saturationPerMs = generation.saturationPerSecond / msPerSecond;
    this.lowestPerMs = lowestLoadFraction * saturationPerMs;
    this.highestPerMs = limitedWaitingFraction * saturationPerMs;
  }

  solve(arrivalsPerMs: number): void {
    const prediction = this.#generation.predict(arrivalsPerMs * msPerSecond);
    this.throughputPerMs = prediction.throughputPerSecond / msPerSecond;
    this.itlMs = prediction.overall.itlMs.mean;
    this.ttftMs = prediction.overall.ttftMs.mean;
    this.rho = prediction.utilisation;
  }
}

/** The continuous-batching model, on Inferno's parameters: geometric output lengths, prompts of at least one token. */
export function generationModels(): RateModels {
  return (performance, { inputTokens, outputTokens }, maxBatchSize) => {
    const { alphaMs, betaMs, gammaMs, deltaMs } = performance;
    return new GenerationRates(
      prepareGeneration({
        parameters: { alphaMs, betaMs, gammaMs, deltaMs },
        maxBatchSize,
        maxBatchedTokens,
        traffic: [
          {
            share: 1,
            inputTokens: Math.max(inputTokens, 1),
            outputTokens,
            outputDistribution: "geometric",
          },
        ],
      }),
    );
  };
}
