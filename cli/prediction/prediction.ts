import { certain } from "../../optimizer/certain.ts";
import {
  predictGeneration,
  predictGenerationAlone,
} from "../../optimizer/models/continuous-batching/predict.ts";
import { analyze, analyzeAlone, infernoReplica, medianTtftMs } from "../../optimizer/models/inferno.ts";
import { departureRatePerMs } from "../../optimizer/models/batch-queue.ts";
import type { Question } from "./question.ts";

/** The analytic answer to one question. Times are infinite (null in JSON) where the replica is overloaded. */
export interface PredictionAnswer {
  readonly id: string;
  readonly ttftMillis: {
    readonly mean: number;
    readonly p50: number;
    readonly p95: number;
    readonly p99: number;
  };
  readonly itlMillis: { readonly mean: number; readonly p95: number };
  readonly utilization: number;
  readonly throughputPerSecond: number;
  readonly saturationPerSecond: number;
  /** The load is below saturation. */
  readonly feasible: boolean;
}

export function predictionOf(question: Question): PredictionAnswer {
  return question.model === "inferno" ? infernoAnswer(question) : continuousBatchingAnswer(question);
}

function continuousBatchingAnswer(question: Question): PredictionAnswer {
  const { inputTokens, outputTokens, outputDistribution, maxBatchSize, maxBatchedTokens } = question;
  const replica = {
    parameters: {
      alphaMs: question.alpha,
      betaMs: question.beta,
      gammaMs: question.gamma,
      deltaMs: question.delta,
    },
    maxBatchSize,
    maxBatchedTokens,
    // A request has at least one token to read.
    traffic: [{ share: 1, inputTokens: Math.max(inputTokens, 1), outputTokens, outputDistribution }],
  };
  const { ratePerSecond } = question;
  const prediction =
    ratePerSecond > 0 ? predictGeneration(replica, ratePerSecond) : predictGenerationAlone(replica);
  const { ttftMs, itlMs } = prediction.overall;
  return {
    id: question.id,
    ttftMillis: { mean: ttftMs.mean, p50: ttftMs.p50, p95: ttftMs.p95, p99: ttftMs.p99 },
    itlMillis: { mean: itlMs.mean, p95: itlMs.p95 },
    utilization: prediction.utilisation,
    throughputPerSecond: prediction.throughputPerSecond,
    saturationPerSecond: prediction.saturationPerSecond,
    // Outputs of one length can starve an engine below the rate that it serves in step: the queue then has no end either.
    feasible: prediction.utilisation < 1 && Number.isFinite(ttftMs.mean),
  };
}

function infernoAnswer(question: Question): PredictionAnswer {
  const { alpha, beta, gamma, delta, inputTokens, outputTokens, ratePerSecond } = question;
  const profile = { alphaMs: alpha, betaMs: beta, gammaMs: gamma, deltaMs: delta };
  const member = { workload: question.id, profile, inputTokens, outputTokens, share: 1 };
  const replica = infernoReplica([member], question.maxBatchSize);
  const analysis = ratePerSecond > 0 ? analyze(replica, ratePerSecond / 1000) : analyzeAlone(replica);
  const saturationPerSecond = 1000 * departureRatePerMs(replica.service, question.maxBatchSize);
  const prediction = certain(analysis.predictions[0]);
  return {
    id: question.id,
    ttftMillis: {
      mean: prediction.ttft.meanMs,
      p50:
        ratePerSecond > 0 ? certain(medianTtftMs(replica, ratePerSecond / 1000)[0]) : prediction.ttft.meanMs,
      p95: prediction.ttft.p95Ms,
      p99: prediction.ttft.p99Ms,
    },
    itlMillis: { mean: prediction.itl.meanMs, p95: prediction.itl.p95Ms },
    utilization: ratePerSecond / saturationPerSecond,
    throughputPerSecond: 1000 * analysis.throughputPerMs,
    saturationPerSecond,
    feasible: ratePerSecond < saturationPerSecond,
  };
}
