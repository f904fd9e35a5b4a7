import type { Accelerator, Catalog, ModelArchitecture } from "../../optimizer/catalog/catalog.ts";
import { estimateProfiles } from "../../optimizer/profiles/estimate.ts";
import {
  measuredProfiles,
  type MeasuredProfile,
} from "../../optimizer/profiles/measured/measured-profiles.ts";
import { kvGiBPerToken } from "../../optimizer/profiles/roofline.ts";
import type { PerformanceProfile } from "../../optimizer/profiles/performance-profile.ts";
import type { Rejection } from "../../optimizer/workload.ts";
import { canRun, type EngineProfile } from "../engines/engine-profile.ts";
import type { ModelSpec } from "../spec/schema.ts";

/** All that is known of a model's size and speed. */
export interface ModelKnowledge {
  /** Named as in the spec. */
  readonly profiles: readonly PerformanceProfile[];
  readonly excluded: readonly Rejection[];
  /** Longest sequence the network takes, in tokens; absent where only measurements are given. */
  readonly maxSequenceTokens?: number;
  /** Keys and values of one token over all layers; absent where the model does not generate, or only measurements are given. */
  readonly keyValueGiBPerToken?: number;
}

/** Tokens of one sequence, which decide how many fit into the KV cache. */
export interface SequenceLength {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/**
 * Two engines on the same cards differ by about this much where both run the same precision; what one of them was
 * measured at is known that much worse for another.
 */
const engineDifferenceFraction = 0.15;

/**
 * Measurements of the spec first, then published ones that come with the optimizer; shapes that nobody measured are
 * estimated from the network where it is known.
 */
export function modelKnowledge(
  model: ModelSpec,
  engine: EngineProfile,
  catalog: Catalog,
  offered: readonly Accelerator[],
  sequence: SequenceLength,
): ModelKnowledge {
  const architecture = architectureOf(model, catalog);
  const accelerators = offered.filter((accelerator) => canRun(engine, accelerator));
  const given = givenProfiles(model, architecture);
  if (!architecture) return { profiles: given, excluded: [] };
  const estimate = estimateProfiles(architecture, accelerators, sequence);
  const givenShapes = new Set(given.map(shapeKey));
  const published = measuredProfiles(architecture, accelerators, sequence)
    .map((one) => publishedProfile(one, model, engine))
    .filter((profile) => !givenShapes.has(shapeKey(profile)));
  const measured = new Set([...given, ...published].map(shapeKey));
  return {
    profiles: [
      ...given,
      ...published,
      ...estimate.profiles
        .filter((profile) => !measured.has(shapeKey(profile)))
        .map((profile) => ({ ...profile, model: model.name })),
    ],
    excluded: estimate.excluded.filter((rejection) => !measured.has(shapeKey(rejection))),
    ...(engine.task === "generation"
      ? {
          maxSequenceTokens: architecture.maxSequenceTokens,
          keyValueGiBPerToken: kvGiBPerToken(architecture),
        }
      : { maxSequenceTokens: 1 }),
  };
}

function publishedProfile(
  { profile, engine: measuredOn }: MeasuredProfile,
  model: ModelSpec,
  engine: EngineProfile,
): PerformanceProfile {
  const { origin } = profile;
  const otherEngine = measuredOn !== engine.type;
  return {
    ...profile,
    model: model.name,
    origin: {
      ...origin,
      source: otherEngine ? `measured on ${measuredOn}: ${origin.source}` : origin.source,
      uncertaintyFraction: origin.uncertaintyFraction + (otherEngine ? engineDifferenceFraction : 0),
    },
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
      ...(written.hiddenSize === undefined ? {} : { hiddenSize: written.hiddenSize }),
      ...(written.experts
        ? {
            experts: {
              count: written.experts.count,
              perToken: written.experts.perToken,
              parameterCount: written.experts.parameters,
            },
          }
        : {}),
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
