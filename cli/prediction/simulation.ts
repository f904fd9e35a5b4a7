import { seededRandom } from "../../optimizer/simulation/random.ts";
import { simulate } from "../../optimizer/simulation/simulate.ts";
import type { Question } from "./question.ts";

/** What the simulation met. Half-widths are of 95 % confidence intervals; what is not a number is null in JSON. */
export interface SimulationAnswer {
  readonly id: string;
  readonly ttftMillis: {
    readonly mean: number;
    readonly meanHalfWidth: number;
    readonly p50: number;
    readonly p95: number;
    readonly p95HalfWidth: number;
    readonly p99: number;
  };
  readonly itlMillis: {
    readonly mean: number;
    readonly meanHalfWidth: number;
    readonly p95: number;
    readonly p95HalfWidth: number;
  };
  readonly utilization: number;
  readonly throughputPerSecond: number;
  readonly saturationPerSecond: number;
  readonly feasible: boolean;
  /** Requests that finished, of those that count. */
  readonly finished: number;
}

export interface SimulationEffort {
  /** Requests that count. */
  readonly requests: number;
  readonly seed: number;
}

/**
 * Simulates the engine of a question, whichever model it names: the simulation is what models are compared with.
 * Lengths are rounded to whole tokens; the rate must be above 0.
 */
export function simulationOf(question: Question, { requests, seed }: SimulationEffort): SimulationAnswer {
  const { inputTokens, outputTokens, outputDistribution } = question;
  const { summary } = simulate({
    engine: {
      parameters: {
        alphaMs: question.alpha,
        betaMs: question.beta,
        gammaMs: question.gamma,
        deltaMs: question.delta,
      },
      maxBatchSize: question.maxBatchSize,
      maxBatchedTokens: question.maxBatchedTokens,
    },
    load: {
      kind: "poisson",
      ratePerSecond: question.ratePerSecond,
      promptTokens: { kind: "fixed", tokens: Math.max(1, Math.round(inputTokens)) },
      outputTokens:
        outputDistribution === "fixed"
          ? { kind: "fixed", tokens: Math.round(outputTokens) }
          : { kind: "geometric", meanTokens: outputTokens },
      requests,
      // A stream of its own for each question, so that an answer does not depend on the others in the file.
      random: seededRandom(seed, question.id),
    },
  });
  const { ttftMillis, itlMillis } = summary;
  return {
    id: question.id,
    ttftMillis,
    itlMillis,
    utilization: summary.utilisation,
    throughputPerSecond: summary.throughputPerSecond,
    saturationPerSecond: summary.saturationRatePerSecond,
    feasible: summary.utilisation < 1,
    finished: summary.finished,
  };
}
