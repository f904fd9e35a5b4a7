import type { Accelerator, Catalog, ModelArchitecture } from "../../optimizer/catalog/catalog.ts";
import { estimateProfiles } from "../../optimizer/profiles/estimate.ts";
import {
  measuredProfiles,
  type MeasuredProfile,
} from "../../optimizer/profiles/measured/measured-profiles.ts";
import { kvGiBPerToken } from "../../optimizer/profiles/roofline.ts";
import type { PerformanceProfile } from "../../optimizer/profiles/performance-profile.ts";
import { headsMiss } from "../../optimizer/profiles/tensor-parallel.ts";
import type { Rejection } from "../../optimizer/workload.ts";
import { canRun, type EngineProfile } from "../engines/engine-profile.ts";
import type { EngineType } from "../engines/registry.ts";
import type { ModelSpec } from "../spec/schema.ts";
import { modelOptions } from "./engine-options.ts";

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
 * estimated from the network where it is known. Shapes whose cards the attention heads cannot be shared out over are
 * none, measured or not: no engine starts in them.
 */
export function modelKnowledge(
  model: ModelSpec,
  engine: EngineProfile,
  catalog: Catalog,
  offered: readonly Accelerator[],
  sequence: SequenceLength,
): ModelKnowledge {
  const architecture = architectureOf(model, engine, catalog);
  const { nodesPerReplica = 1, gpusPerReplica } = model;
  const accelerators = offered.filter((accelerator) => canRun(engine, accelerator));
  const written = givenProfiles(model, architecture);
  if (!architecture) return { profiles: written, excluded: [] };
  const undivided = written.flatMap((profile) => undividedHeads(profile, architecture, nodesPerReplica));
  const given = written.filter((profile) => !undivided.some((one) => shapeKey(one) === shapeKey(profile)));
  const estimate = estimateProfiles(architecture, accelerators, {
    ...sequence,
    nodesPerReplica,
    ...(gpusPerReplica === undefined ? {} : { gpusPerReplica }),
  });
  const givenShapes = new Set(given.map(shapeKey));
  // What is published was measured on one node.
  const published = (nodesPerReplica > 1 ? [] : measuredProfiles(architecture, accelerators, sequence))
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
    excluded: [
      ...undivided,
      ...estimate.excluded.filter(
        (rejection) =>
          !measured.has(shapeKey(rejection)) &&
          !undivided.some((one) => shapeKey(one) === shapeKey(rejection)),
      ),
    ],
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

/** Why a measured shape is none, where it is not; one pass on one card shares nothing out. */
function undividedHeads(
  { accelerator, gpusPerReplica, model }: PerformanceProfile,
  architecture: ModelArchitecture,
  nodesPerReplica: number,
): readonly Rejection[] {
  // Cards that do not divide by the nodes are refused for that.
  if (architecture.task !== "generation" || gpusPerReplica % nodesPerReplica !== 0) return [];
  const miss = headsMiss(architecture, gpusPerReplica / nodesPerReplica);
  const nodes = nodesPerReplica > 1 ? { nodesPerReplica } : {};
  return miss ? [{ accelerator, gpusPerReplica, ...nodes, subject: model, ...miss }] : [];
}

/** The network in the number format that the engine serves it in. */
function architectureOf(
  model: ModelSpec,
  engine: EngineProfile,
  catalog: Catalog,
): ModelArchitecture | undefined {
  const network = networkOf(model, catalog);
  const bytesPerWeight = engine.bytesPerWeight?.(modelOptions(model, engine.type as EngineType));
  return network && bytesPerWeight !== undefined ? { ...network, bytesPerWeight } : network;
}

function networkOf(model: ModelSpec, catalog: Catalog): ModelArchitecture | undefined {
  const written = model.architecture;
  if (written) {
    return {
      name: model.name,
      task: written.task,
      parameterCount: written.parameters,
      layerCount: written.layers,
      ...(written.attentionHeads === undefined ? {} : { attentionHeadCount: written.attentionHeads }),
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
