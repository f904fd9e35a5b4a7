/**
 * What a network's `model_type` says about its weights that the other fields of `config.json` leave open. Everything
 * here is visible in the names and shapes of the family's published weights.
 */
export interface ModelFamily {
  readonly task: "generation" | "request-response";
  /** Gate, up and down projections, else two. */
  readonly gatedMlp: boolean;
  /** Biases of the query, key and value projections; `attention_bias` overrides it. */
  readonly qkvBias: boolean;
  /** Biases of the attention's output projection; `attention_bias` overrides it. */
  readonly outputBias: boolean;
  /** Biases of the MLP; `mlp_bias` overrides it. */
  readonly mlpBias: boolean;
  readonly normsPerLayer: number;
  /** Layer norms have a shift besides their scale, RMS norms have none. */
  readonly normBias: boolean;
  /** Scales of the normalised queries and keys: one a head dimension, one a dimension of all heads, or none. */
  readonly queryKeyNorm: "none" | "head" | "all-heads";
  /** What an absent `tie_word_embeddings` means. */
  readonly tiedEmbeddings: boolean;
  /** A table of learned positions instead of rotary ones. */
  readonly learnedPositions: boolean;
  /** One learned attention sink a head, and biases of router and experts. */
  readonly attentionSinks?: boolean;
  /** Segment embeddings beside the words, where the config does not count them. */
  readonly segmentCount?: number;
  /** A dense layer over the first token after the last layer. */
  readonly pooler?: boolean;
}

const llamaLike: ModelFamily = {
  task: "generation",
  gatedMlp: true,
  qkvBias: false,
  outputBias: false,
  mlpBias: false,
  normsPerLayer: 2,
  normBias: false,
  queryKeyNorm: "none",
  tiedEmbeddings: false,
  learnedPositions: false,
};

const gptLike: ModelFamily = {
  ...llamaLike,
  gatedMlp: false,
  qkvBias: true,
  outputBias: true,
  mlpBias: true,
  normBias: true,
};

const encoder: ModelFamily = {
  ...gptLike,
  task: "request-response",
  tiedEmbeddings: true,
  learnedPositions: true,
  segmentCount: 2,
  pooler: true,
};

const families: Readonly<Record<string, ModelFamily>> = {
  llama: llamaLike,
  mistral: llamaLike,
  ministral: llamaLike,
  mixtral: llamaLike,
  phi3: llamaLike,
  granite: { ...llamaLike, tiedEmbeddings: true },
  qwen2: { ...llamaLike, qkvBias: true },
  qwen2_moe: { ...llamaLike, qkvBias: true },
  qwen2_vl_text: { ...llamaLike, qkvBias: true },
  qwen2_5_vl_text: { ...llamaLike, qkvBias: true },
  qwen3: { ...llamaLike, queryKeyNorm: "head" },
  qwen3_moe: { ...llamaLike, queryKeyNorm: "head" },
  gemma: { ...llamaLike, tiedEmbeddings: true },
  gemma2: { ...llamaLike, tiedEmbeddings: true, normsPerLayer: 4 },
  gemma3: { ...llamaLike, tiedEmbeddings: true, normsPerLayer: 4, queryKeyNorm: "head" },
  gemma3_text: { ...llamaLike, tiedEmbeddings: true, normsPerLayer: 4, queryKeyNorm: "head" },
  olmo2: { ...llamaLike, queryKeyNorm: "all-heads" },
  gpt_oss: { ...llamaLike, qkvBias: true, outputBias: true, attentionSinks: true },
  deepseek_v2: llamaLike,
  deepseek_v3: llamaLike,
  gpt2: { ...gptLike, tiedEmbeddings: true, learnedPositions: true },
  gpt_neox: gptLike,
  bert: encoder,
  distilbert: { ...encoder, segmentCount: 0, pooler: false },
  roberta: { ...encoder, segmentCount: 1 },
  "xlm-roberta": { ...encoder, segmentCount: 1 },
};

/** The family of a `model_type`; an unknown one is taken for a Llama, which most newer decoders resemble. */
export function familyOf(modelType: string | undefined): { readonly family: ModelFamily; known: boolean } {
  const family =
    modelType !== undefined && Object.hasOwn(families, modelType) ? families[modelType] : undefined;
  return { family: family ?? llamaLike, known: family !== undefined };
}
