import type { Accelerator, ModelArchitecture } from "../catalog/catalog.ts";
import type { Rejection } from "../workload.ts";
import type { PerformanceProfile, ProfileOrigin } from "./performance-profile.ts";
import { decodeLine } from "./expert-decode.ts";
import {
  computeMsPerToken,
  exchangeMsPerToken,
  handOverMsPerToken,
  iterationOverheadMs,
  launchOverheadMs,
  prefillOverheadMs,
  readKvMs,
  readMs,
  stagesMsPerIteration,
  syncMsPerIteration,
  weightBytes,
  weightBytesRead,
  weightsGiB,
} from "./roofline.ts";
import { sequenceMemory } from "./sequence-memory.ts";
import { headsMiss } from "./tensor-parallel.ts";

/** The sequences that a `generation` model is estimated for; ignored for `request-response`. */
export interface EstimateOptions {
  /** Mean prompt tokens a request. */
  readonly inputTokens: number;
  /** Mean generated tokens a request. */
  readonly outputTokens: number;
  /**
   * Nodes of one replica, which are the stages of a pipeline: layers are shared out over the nodes, each layer over the
   * cards of its node.
   * @default 1
   */
  readonly nodesPerReplica?: number;
  /**
   * The only number of cards to estimate, over all nodes.
   * @default 1, 2, 4 and 8 on each node
   */
  readonly gpusPerReplica?: number;
}

export interface ProfileEstimates {
  readonly profiles: readonly PerformanceProfile[];
  /** Shapes whose memory is too small, or whose cards the attention heads cannot be shared out over. */
  readonly excluded: readonly Rejection[];
}

/** Tensor-parallel degrees: powers of two divide the heads of common models and the cards of common nodes. */
const tensorParallelDegrees = [1, 2, 4, 8] as const;

/** vLLM's customary `max_num_seqs`: beyond it schedulers, not memory, set the pace. */
const mostSequences = 256;

/** Beyond this a request/response batch computes no faster a request, and only makes each wait longer. */
const requestBatchSize = 32;

/** Half, because engines, their versions and their kernels differ that much on one and the same accelerator. */
const rooflineUncertainty = 0.5;

const rooflineSource =
  "roofline: datasheet bandwidth and throughput of the accelerator, dimensions of the model";

/** Nothing measured on several nodes was at hand to hold the estimate against: that much wider than on one node. */
const pipelineUncertainty = 0.2;

const rooflineOrigin: ProfileOrigin = {
  kind: "estimate",
  source: rooflineSource,
  uncertaintyFraction: rooflineUncertainty,
};

/** How a replica's cards work together. */
interface Layout {
  /** Cards of one node, which share every layer of their stage. */
  readonly tensorDegree: number;
  /** Nodes, which have equal parts of the layers and work on different sequences at the same time. */
  readonly stages: number;
}

/** Profiles of the model on each accelerator and number of cards that can hold it. */
export function estimateProfiles(
  architecture: ModelArchitecture,
  accelerators: readonly Accelerator[],
  options: EstimateOptions,
): ProfileEstimates {
  const generates = architecture.task === "generation";
  const keptTokens = generates ? Math.max(options.inputTokens + options.outputTokens, 1) : 0;
  const stages = options.nodesPerReplica ?? 1;
  const profiles: PerformanceProfile[] = [];
  const excluded: Rejection[] = [];
  for (const accelerator of accelerators) {
    // More cards do not answer one small request faster; more replicas serve more of them. Slices of cards, even of one
    // card, cannot exchange activations with each other.
    const degrees = generates && !accelerator.device ? tensorDegrees(options) : onOneCard(options);
    for (const tensorDegree of degrees) {
      const gpusPerReplica = tensorDegree * stages;
      const shape = {
        accelerator: accelerator.name,
        gpusPerReplica,
        ...(stages > 1 ? { nodesPerReplica: stages } : {}),
        subject: architecture.name,
      };
      const undivided = headsMiss(architecture, tensorDegree);
      if (undivided) {
        excluded.push({ ...shape, ...undivided });
        continue;
      }
      const { usableGiB, neededGiB, sequences } = sequenceMemory(
        architecture,
        accelerator,
        gpusPerReplica,
        keptTokens,
        tensorDegree,
      );
      if (neededGiB > usableGiB) {
        excluded.push({
          ...shape,
          constraint: "memory",
          allowed: usableGiB,
          reached: neededGiB,
          unit: "GiB",
        });
        continue;
      }
      const maxBatchSize = generates ? Math.min(Math.max(sequences, 1), mostSequences) : requestBatchSize;
      profiles.push({
        model: architecture.name,
        accelerator: accelerator.name,
        gpusPerReplica,
        maxBatchSize,
        ...(generates
          ? generationTimes(architecture, accelerator, { tensorDegree, stages }, maxBatchSize, options)
          : requestTimes(architecture, accelerator)),
        weightsGiB: weightsGiB(architecture),
      });
    }
  }
  return { profiles, excluded };
}

/** Cards of one node; none where the cards that are asked for do not divide by the nodes. */
function tensorDegrees({ gpusPerReplica, nodesPerReplica = 1 }: EstimateOptions): readonly number[] {
  if (gpusPerReplica === undefined) return tensorParallelDegrees;
  return gpusPerReplica % nodesPerReplica === 0 ? [gpusPerReplica / nodesPerReplica] : [];
}

function onOneCard({ gpusPerReplica = 1, nodesPerReplica = 1 }: EstimateOptions): readonly number[] {
  return gpusPerReplica === 1 && nodesPerReplica === 1 ? [1] : [];
}

type Times = Pick<PerformanceProfile, "alphaMs" | "betaMs" | "gammaMs" | "deltaMs" | "origin">;

/**
 * A decode iteration reads the weights once, and for each sequence its keys and values, which are on average those of
 * the prompt and half of the answer. A prefill computes on every prompt token; it overlaps its reading of the weights.
 *
 * With several stages a token passes one after the other, so that a sequence alone decodes no faster than on one node
 * whose memory held everything, and pays for each stage. Meanwhile the other stages decode other sequences: of n, a stage
 * has ceil(n/stages) at once, which n/stages + (stages-1)/stages is never below. A prompt alone passes the stages one
 * after the other too, while prompts that come together follow each other: what the first one waits more than a share
 * is in gamma, which an iteration pays once.
 */
function generationTimes(
  model: ModelArchitecture,
  accelerator: Accelerator,
  { tensorDegree, stages }: Layout,
  maxBatchSize: number,
  { inputTokens, outputTokens }: EstimateOptions,
): Times {
  const perTokenMs =
    computeMsPerToken(model, accelerator, tensorDegree) +
    exchangeMsPerToken(model, accelerator, tensorDegree) +
    handOverMsPerToken(model, stages);
  const keptTokens = inputTokens + outputTokens / 2;
  const syncMs = syncMsPerIteration(model, tensorDegree) + stagesMsPerIteration(stages);
  const iterationMs = (bytes: number): number =>
    readMs(bytes, accelerator, tensorDegree) + iterationOverheadMs + syncMs;
  const perSequenceMs = readKvMs(model, accelerator, tensorDegree) * keptTokens + perTokenMs;
  const ownStages = (stages - 1) / stages;
  const prefill = {
    gammaMs: prefillOverheadMs + syncMs + ownStages * perTokenMs * inputTokens,
    deltaMs: perTokenMs / stages,
  };
  const source =
    stages > 1
      ? `${rooflineSource}; ${stages} nodes as stages of a pipeline, 100 Gbit/s between them`
      : rooflineSource;
  const uncertaintyFraction = stages > 1 ? rooflineUncertainty + pipelineUncertainty : rooflineUncertainty;
  if (model.experts) {
    const line = decodeLine(
      (sequences) =>
        iterationMs(weightBytesRead(model, Math.max(1, sequences / stages))) +
        perSequenceMs * (ownStages + sequences / stages),
      maxBatchSize,
    );
    return {
      alphaMs: line.interceptMs,
      betaMs: line.slopeMs,
      ...prefill,
      origin: {
        kind: "estimate",
        source: `${source}; a straight line through the experts that a batch reads`,
        uncertaintyFraction: uncertaintyFraction + line.largestDeviation,
      },
    };
  }
  return {
    alphaMs: iterationMs(weightBytes(model)) + perSequenceMs * ownStages,
    betaMs: perSequenceMs / stages,
    ...prefill,
    origin: { kind: "estimate", source, uncertaintyFraction },
  };
}

/** One forward pass reads all weights and computes on every token of every request. */
function requestTimes(model: ModelArchitecture, accelerator: Accelerator): Times {
  return {
    alphaMs: 0,
    betaMs: 0,
    gammaMs: launchOverheadMs + readMs(weightBytes(model), accelerator, 1),
    deltaMs: computeMsPerToken(model, accelerator, 1) * (model.tokensPerRequest ?? 1),
    origin: rooflineOrigin,
  };
}
