import type { ModelFamily } from "./model-family.ts";

/** Dimensions of a transformer, as its `config.json` gives them. */
export interface TransformerDimensions {
  readonly hiddenSize: number;
  readonly layerCount: number;
  readonly headCount: number;
  readonly kvHeadCount: number;
  readonly headDimension: number;
  /** Width of a dense MLP; of the layers without experts, where the network has experts. */
  readonly mlpSize: number;
  readonly vocabularySize: number;
  /** Rows of the table of learned positions. */
  readonly positionCount: number;
  readonly tiedEmbeddings: boolean;
  readonly experts?: ExpertDimensions;
  /** Multi-head latent attention: queries, keys and values go through narrow latent vectors. */
  readonly latent?: LatentDimensions;
}

export interface ExpertDimensions {
  /** Routed experts a layer. */
  readonly count: number;
  /** Routed experts that one token goes through. */
  readonly perToken: number;
  /** Width of one routed expert. */
  readonly size: number;
  /** Width of all experts together that every token goes through; 0 for none. */
  readonly sharedSize: number;
  /** The shared experts are scaled by a gate of their own. */
  readonly sharedGate: boolean;
  /** Layers with experts; the others have one dense MLP. */
  readonly layerCount: number;
}

export interface LatentDimensions {
  /** 0 where queries are projected directly. */
  readonly queryRank: number;
  readonly kvRank: number;
  readonly ropeDimension: number;
  readonly plainDimension: number;
  readonly valueDimension: number;
}

export interface ParameterCount {
  readonly total: number;
  /** Those of all routed experts; 0 without experts. */
  readonly routedExperts: number;
  /** Those of projections inside the layers, which is what quantisation applies to. */
  readonly projections: number;
}

/** Adds up the weights of a network. Exact for the families that {@link ModelFamily} describes. */
export function countParameters(shape: TransformerDimensions, family: ModelFamily): ParameterCount {
  const { hiddenSize: h, layerCount } = shape;
  const norm = family.normBias ? 2 * h : h;
  const attention = shape.latent
    ? latentAttention(h, shape.headCount, shape.latent)
    : attentionOf(shape, family);
  const expertLayers = shape.experts?.layerCount ?? 0;
  const routed = shape.experts ? shape.experts.count * mlp(h, shape.experts.size, family) : 0;
  const besides = shape.experts ? besideRouted(h, shape.experts, family) : 0;
  const dense = mlp(h, shape.mlpSize, family);
  const projections =
    layerCount * attention + expertLayers * (routed + besides) + (layerCount - expertLayers) * dense;
  // A norm before the first layer, as encoders have it, or after the last one, as decoders have it.
  const norms = layerCount * family.normsPerLayer * norm + norm;
  const words = shape.vocabularySize * h * (shape.tiedEmbeddings ? 1 : 2);
  const positions = family.learnedPositions ? shape.positionCount * h : 0;
  const segments = (family.segmentCount ?? 0) * h;
  const pooler = family.pooler ? h * h + h : 0;
  return {
    total: projections + norms + words + positions + segments + pooler,
    routedExperts: expertLayers * routed,
    projections,
  };
}

function attentionOf(shape: TransformerDimensions, family: ModelFamily): number {
  const queries = shape.headCount * shape.headDimension;
  const keysAndValues = 2 * shape.kvHeadCount * shape.headDimension;
  const weights = shape.hiddenSize * (2 * queries + keysAndValues);
  const qkvBias = family.qkvBias ? queries + keysAndValues : 0;
  const outputBias = family.outputBias ? shape.hiddenSize : 0;
  const scales =
    family.queryKeyNorm === "head"
      ? 2 * shape.headDimension
      : family.queryKeyNorm === "all-heads"
        ? queries + keysAndValues / 2
        : 0;
  return weights + qkvBias + outputBias + scales + (family.attentionSinks ? shape.headCount : 0);
}

/** Projections into the latent vectors, out of them, and their norms. */
function latentAttention(h: number, heads: number, latent: LatentDimensions): number {
  const { queryRank, kvRank, ropeDimension, plainDimension, valueDimension } = latent;
  const queryWidth = heads * (plainDimension + ropeDimension);
  const queries = queryRank > 0 ? h * queryRank + queryRank + queryRank * queryWidth : h * queryWidth;
  const down = h * (kvRank + ropeDimension) + kvRank;
  const up = kvRank * heads * (plainDimension + valueDimension);
  return queries + down + up + heads * valueDimension * h;
}

function mlp(h: number, width: number, family: ModelFamily): number {
  const inputs = family.gatedMlp ? 2 : 1;
  const bias = family.mlpBias || family.attentionSinks ? inputs * width + h : 0;
  return (inputs + 1) * h * width + bias;
}

function besideRouted(h: number, experts: ExpertDimensions, family: ModelFamily): number {
  const router = h * experts.count + (family.attentionSinks ? experts.count : 0);
  const shared = experts.sharedSize > 0 ? mlp(h, experts.sharedSize, family) : 0;
  return router + shared + (experts.sharedGate ? h : 0);
}
