import { certain } from "../certain.ts";
import type { LatencyPrediction, WorkloadPrediction } from "../allocation.ts";
import { predictGenerationAlone, prepareGeneration } from "../models/continuous-batching/predict.ts";
import {
  batchingSaturationPerSecond,
  predictBatching,
  predictBatchingAlone,
} from "../models/dynamic-batching/predict.ts";
import type { BatchingPrediction } from "../models/dynamic-batching/batching-prediction.ts";
import type { GenerationPrediction } from "../models/generation-prediction.ts";
import type { ReplicaAnalysis, ReplicaModel } from "../models/replica-model.ts";
import type { PerformanceProfile } from "../profiles/performance-profile.ts";
import type { GroupDemand, Workload } from "../workload.ts";
import type { ProfiledShape } from "./shapes.ts";

const msPerSecond = 1000;

/**
 * The model of one replica of the group in the shape, under the group's mix of workloads.
 * `workloads` are the group's, in the order of the shape's profiles.
 */
export function replicaModel(
  group: GroupDemand,
  workloads: readonly Workload[],
  shape: ProfiledShape,
): ReplicaModel {
  const model =
    group.task === "generation" ? generationModel(group, workloads, shape) : batchingModel(workloads, shape);
  // Sizing comes back to the rates it ends with.
  const known = new Map<number, ReplicaAnalysis>();
  let alone: ReplicaAnalysis | undefined;
  return {
    ...model,
    alone: () => (alone ??= model.alone()),
    at(requestsPerMs) {
      const analysis = known.get(requestsPerMs) ?? model.at(requestsPerMs);
      known.set(requestsPerMs, analysis);
      return analysis;
    },
  };
}

function generationModel(
  group: GroupDemand,
  workloads: readonly Workload[],
  shape: ProfiledShape,
): ReplicaModel {
  const shares = sharesOf(workloads);
  const replica = {
    parameters: slowest(shape.profiles),
    maxBatchSize: shape.maxBatchSize,
    maxBatchedTokens: group.maxBatchedTokens ?? defaultMaxBatchedTokens,
    traffic: workloads.map(({ load }, index) => ({
      share: certain(shares[index]),
      inputTokens: Math.max(load.inputTokens, 1),
      outputTokens: Math.max(load.outputTokens, 1),
      outputDistribution: load.outputDistribution ?? "geometric",
    })),
  };
  const analysisOf = (prediction: GenerationPrediction) => ({
    utilisation: prediction.utilisation,
    predictions: workloads.map(({ id }, index): WorkloadPrediction => {
      const { ttftMs, itlMs, latencyMs } = certain(prediction.traffic[index]);
      return { workload: id, ttft: timesOf(ttftMs), itl: timesOf(itlMs), latency: timesOf(latencyMs) };
    }),
  });
  const prepared = prepareGeneration(replica);
  return {
    saturationPerMs: prepared.saturationPerSecond / msPerSecond,
    at: (requestsPerMs) => analysisOf(prepared.predict(requestsPerMs * msPerSecond)),
    alone: () => analysisOf(predictGenerationAlone(replica)),
  };
}

/** What vLLM comes with on data-centre GPUs; engines are started with the value that was planned for. */
export const defaultMaxBatchedTokens = 8192;

/**
 * An engine process serves one model, whose parameters these are. Where a group mixes several, each iteration is taken
 * to be as slow as the slowest of them: never too fast.
 */
function slowest(
  profiles: readonly PerformanceProfile[],
): Pick<PerformanceProfile, "alphaMs" | "betaMs" | "gammaMs" | "deltaMs"> {
  const largest = (field: "alphaMs" | "betaMs" | "gammaMs" | "deltaMs") =>
    Math.max(...profiles.map((profile) => profile[field]));
  return {
    alphaMs: largest("alphaMs"),
    betaMs: largest("betaMs"),
    gammaMs: largest("gammaMs"),
    deltaMs: largest("deltaMs"),
  };
}

/**
 * Models that share a replica take turns on its GPU, a batch at a time. Requests of equal batch keys wait in one queue
 * and are batched together, whatever their service class.
 */
function batchingModel(workloads: readonly Workload[], shape: ProfiledShape): ReplicaModel {
  const shares = sharesOf(workloads);
  const queues = [...new Set(workloads.map(batchKeyOf))];
  const replica = {
    instances: 1,
    maxQueueDelayMs: 0,
    traffic: queues.map((key) => {
      const members = [...workloads.keys()].filter((index) => batchKeyOf(certain(workloads[index])) === key);
      const first = certain(members[0]);
      const profile = certain(shape.profiles[first]);
      const { inputTokens, outputTokens } = certain(workloads[first]).load;
      const decodes = Math.max(outputTokens - 1, 0);
      return {
        share: members.reduce((sum, index) => sum + certain(shares[index]), 0),
        baseMs: profile.gammaMs + decodes * profile.alphaMs,
        perRequestMs: profile.deltaMs * inputTokens + decodes * profile.betaMs,
        maxBatchSize: shape.maxBatchSize,
      };
    }),
  };
  const none = { meanMs: 0, p95Ms: 0, p99Ms: 0 };
  const analysisOf = (prediction: BatchingPrediction) => ({
    utilisation: prediction.utilisation,
    predictions: workloads.map((workload): WorkloadPrediction => {
      const queue = certain(prediction.traffic[queues.indexOf(batchKeyOf(workload))]);
      const latency = timesOf(queue.latencyMs);
      // The whole response comes at once.
      return { workload: workload.id, ttft: latency, itl: none, latency };
    }),
  });
  return {
    saturationPerMs: batchingSaturationPerSecond(replica) / msPerSecond,
    at: (requestsPerMs) => analysisOf(predictBatching(replica, requestsPerMs * msPerSecond)),
    alone: () => analysisOf(predictBatchingAlone(replica)),
  };
}

function batchKeyOf({ id, batchKey }: Workload): string {
  return batchKey ?? id;
}

/** An idle mix is sized as if all its workloads were equally frequent, so that each of their targets counts. */
function sharesOf(workloads: readonly Workload[]): readonly number[] {
  const total = workloads.reduce((sum, { load }) => sum + load.requestsPerMinute, 0);
  // Nobody's share is nothing at all: a class without load keeps its targets beside one with load.
  const least = 1e-9;
  const weights = workloads.map(({ load }) =>
    total > 0 ? Math.max(load.requestsPerMinute / total, least) : 1,
  );
  const sum = weights.reduce((all, weight) => all + weight, 0);
  return weights.map((weight) => weight / sum);
}

function timesOf(times: {
  readonly mean: number;
  readonly p95: number;
  readonly p99: number;
}): LatencyPrediction {
  return { meanMs: times.mean, p95Ms: times.p95, p99Ms: times.p99 };
}
