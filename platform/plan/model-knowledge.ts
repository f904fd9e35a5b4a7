import type { Accelerator, Catalog, ModelArchitecture } from "../../optimizer/catalog/catalog.ts";
import { estimateProfiles } from "../../optimizer/profiles/estimate.ts";
import type { PerformanceProfile } from "../../optimizer/profiles/performance-profile.ts";
import type { Rejection } from "../../optimizer/workload.ts";
import type { EngineProfile } from "../engines/engine-profile.ts";
import type { ModelSpec } from "../spec/schema.ts";

/** All that is known of a model's size and speed. */
export interface ModelKnowledge {
  /** Named as in the spec. */
  readonly profiles: readonly PerformanceProfile[];
  readonly excluded: readonly Rejection[];
  /** Longest sequence the network takes, in tokens; absent where only measurements are given. */
  readonly maxSequenceTokens?: number;
}

/** Tokens of one sequence, which decide how many fit into the KV cache. */
export interface SequenceLength {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** Measured profiles of the spec first; shapes that nobody measured are estimated from the network where it is known. */
export function modelKnowledge(
  model: ModelSpec,
  engine: EngineProfile,
  catalog: Catalog,
  accelerators: readonly Accelerator[],
  sequence: SequenceLength,
): ModelKnowledge {
  const architecture = architectureOf(model, catalog);
  const given = givenProfiles(model, architecture);
  if (!architecture) return { profiles: given, excluded: [] };
  const estimate = estimateProfiles(architecture, accelerators, sequence);
  const measured = new Set(given.map(shapeKey));
  return {
    profiles: [
      ...given,
      ...estimate.profiles
        .filter((profile) => !measured.has(shapeKey(profile)))
        .map((profile) => ({ ...profile, model: model.name })),
    ],
    excluded: estimate.excluded.filter((rejection) => !measured.has(shapeKey(rejection))),
    maxSequenceTokens: engine.task === "generation" ? architecture.maxSequenceTokens : 1,
  };
}

function architectureOf(model: ModelSpec, catalog: Catalog): ModelArchitecture | undefined {
  const written = model.architecture;
  if (written) {
    return {
      name: model.name,
      task: written.task,
      parameterCount: written.parameters,
      layerCount: written.layers,
      kvHeadCount: written.kvHeads,
      headDimension: written.headDimension,
      bytesPerWeight: written.bytesPerWeight,
      maxSequenceTokens: written.maxSequenceTokens,
      ...(written.tokensPerRequest === undefined ? {} : { tokensPerRequest: written.tokensPerRequest }),
      source: written.source,
    };
  }
  return catalog.models.find((known) => known.name === (model.base ?? model.name));
}

function givenProfiles(model: ModelSpec, architecture: ModelArchitecture | undefined): PerformanceProfile[] {
  const weightsGiB = architecture ? (architecture.parameterCount * architecture.bytesPerWeight) / 2 ** 30 : 0;
  return (model.profiles ?? []).map((profile) => ({
    model: model.name,
    accelerator: profile.accelerator,
    gpusPerReplica: profile.gpusPerReplica,
    maxBatchSize: profile.maxBatchSize,
    alphaMs: profile.alpha ?? 0,
    betaMs: profile.beta ?? 0,
    gammaMs: profile.gamma,
    deltaMs: profile.delta,
    weightsGiB: profile.weights ?? weightsGiB,
    origin: { kind: "given", source: profile.source, uncertaintyFraction: 0 },
  }));
}

function shapeKey(shape: { readonly accelerator: string; readonly gpusPerReplica: number }): string {
  return `${shape.accelerator} ${shape.gpusPerReplica}`;
}
