import type { Accelerator, ModelArchitecture } from "../catalog/catalog.ts";
import type { Rejection } from "../workload.ts";
import type { PerformanceProfile, ProfileOrigin } from "./performance-profile.ts";
import { decodeLine } from "./expert-decode.ts";
import {
  computeMsPerToken,
  exchangeMsPerToken,
  iterationOverheadMs,
  launchOverheadMs,
  prefillOverheadMs,
  readKvMs,
  readMs,
  syncMsPerIteration,
  weightBytes,
  weightBytesRead,
  weightsGiB,
} from "./roofline.ts";
import { sequenceMemory } from "./sequence-memory.ts";

/** The sequences that a `generation` model is estimated for; ignored for `request-response`. */
export interface EstimateOptions {
  /** Mean prompt tokens a request. */
  readonly inputTokens: number;
  /** Mean generated tokens a request. */
  readonly outputTokens: number;
}

export interface ProfileEstimates {
  readonly profiles: readonly PerformanceProfile[];
  /** Shapes whose memory is too small. */
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

const rooflineOrigin: ProfileOrigin = {
  kind: "estimate",
  source: rooflineSource,
  uncertaintyFraction: rooflineUncertainty,
};

/** Profiles of the model on each accelerator and number of cards that can hold it. */
export function estimateProfiles(
  architecture: ModelArchitecture,
  accelerators: readonly Accelerator[],
  options: EstimateOptions,
): ProfileEstimates {
  const generates = architecture.task === "generation";
  const keptTokens = generates ? Math.max(options.inputTokens + options.outputTokens, 1) : 0;
  const profiles: PerformanceProfile[] = [];
  const excluded: Rejection[] = [];
  for (const accelerator of accelerators) {
    // More cards do not answer one small request faster; more replicas serve more of them. Slices of cards, even of one
    // card, cannot exchange activations with each other.
    const degrees = generates && !accelerator.device ? tensorParallelDegrees : [1];
    for (const gpusPerReplica of degrees) {
      const { usableGiB, neededGiB, sequences } = sequenceMemory(
        architecture,
        accelerator,
        gpusPerReplica,
        keptTokens,
      );
      if (neededGiB > usableGiB) {
        excluded.push({
          accelerator: accelerator.name,
          gpusPerReplica,
          subject: architecture.name,
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
          ? generationTimes(architecture, accelerator, gpusPerReplica, maxBatchSize, options)
          : requestTimes(architecture, accelerator)),
        weightsGiB: weightsGiB(architecture),
      });
    }
  }
  return { profiles, excluded };
}

type Times = Pick<PerformanceProfile, "alphaMs" | "betaMs" | "gammaMs" | "deltaMs" | "origin">;

/**
 * A decode iteration reads the weights once, and for each sequence its keys and values, which are on average those of
 * the prompt and half of the answer. A prefill computes on every prompt token; it overlaps its reading of the weights.
 */
function generationTimes(
  model: ModelArchitecture,
  accelerator: Accelerator,
  cards: number,
  maxBatchSize: number,
  { inputTokens, outputTokens }: EstimateOptions,
): Times {
  const perTokenMs =
    computeMsPerToken(model, accelerator, cards) + exchangeMsPerToken(model, accelerator, cards);
  const keptTokens = inputTokens + outputTokens / 2;
  const iterationMs = (bytes: number): number =>
    readMs(bytes, accelerator, cards) + iterationOverheadMs + syncMsPerIteration(model, cards);
  const perSequenceMs = readKvMs(model, accelerator, cards) * keptTokens + perTokenMs;
  const prefill = { gammaMs: prefillOverheadMs + syncMsPerIteration(model, cards), deltaMs: perTokenMs };
  if (model.experts) {
    const line = decodeLine(
      (sequences) => iterationMs(weightBytesRead(model, sequences)) + perSequenceMs * sequences,
      maxBatchSize,
    );
    return {
      alphaMs: line.interceptMs,
      betaMs: line.slopeMs,
      ...prefill,
      origin: {
        kind: "estimate",
        source: `${rooflineSource}; a straight line through the experts that a batch reads`,
        uncertaintyFraction: rooflineUncertainty + line.largestDeviation,
      },
    };
  }
  return {
    alphaMs: iterationMs(weightBytes(model)),
    betaMs: perSequenceMs,
    ...prefill,
    origin: rooflineOrigin,
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
