import type { ModelArchitecture } from "../catalog/catalog.ts";
import { ConfigFields, fieldsOf, type ConfigProblem } from "./config-fields.ts";
import { familyOf, type ModelFamily } from "./model-family.ts";
import {
  countParameters,
  type ExpertDimensions,
  type LatentDimensions,
  type TransformerDimensions,
} from "./parameter-count.ts";
import { bytesPerWeight } from "./weight-precision.ts";

export type ConfigReading =
  | {
      readonly ok: true;
      readonly architecture: ModelArchitecture;
      /** Where the estimate is rougher than the config, one sentence each. */
      readonly notes: readonly string[];
    }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/** Fields of layers that keep a state instead of keys and values, which no figure here describes. */
const recurrentFields = [
  "ssm_cfg",
  "state_size",
  "mamba_d_state",
  "mamba_expand",
  "attn_layer_period",
  "hybrid_override_pattern",
  "linear_num_key_heads",
];

/** Tokens in one request of a request/response model, where nobody says: one paragraph, as in the catalog. */
const requestTokens = 128;

/**
 * The network that a Hugging Face `config.json` describes: parameters added up from its dimensions, keys and values a
 * token, bytes a weight. Multimodal configs are read for their language model.
 *
 * @param name the model's name in the spec.
 * @param config the parsed file.
 */
export function architectureFromConfig(name: string, config: unknown): ConfigReading {
  const whole = fieldsOf(config);
  if (!whole) {
    return {
      ok: false,
      problems: [{ field: "config.json", kind: "invalid", allowed: "a JSON object" }],
    };
  }
  const outer = new ConfigFields(whole);
  const nested = fieldsOf(whole["text_config"]) ?? fieldsOf(whole["language_config"]);
  const text = nested ? new ConfigFields(nested) : outer;
  const modelType = text.text("model_type") ?? outer.text("model_type");
  const { family, known } = familyOf(modelType);

  refuseWhatHasNoFigures(outer, text);
  const effective = overridden(family, text);
  const shape = dimensionsOf(text, outer, effective);
  const maxSequenceTokens = text.count(["max_position_embeddings", "n_positions", "max_seq_len"]);
  const parameters = countParameters(shape, effective);
  const weightBytes = bytesPerWeight(text, outer, parameters);
  const problems = text === outer ? text.problems : [...text.problems, ...outer.problems];
  if (problems.length > 0) return { ok: false, problems };

  const { latent, experts } = shape;
  const notes: string[] = [];
  if (!known) {
    notes.push(`model_type "${modelType ?? ""}" is not known: its weights are counted as a Llama's would be`);
  }
  if (nested) notes.push("only the language model is counted: encoders of images and sound add to it");
  if (text.has("sliding_window") && text.flag("use_sliding_window") !== false) {
    notes.push(
      "layers with a sliding window are taken to keep all keys and values, which is more than they do",
    );
  }
  return {
    ok: true,
    notes,
    architecture: {
      name,
      task: effective.task,
      parameterCount: parameters.total,
      layerCount: shape.layerCount,
      attentionHeadCount: shape.headCount,
      // Latent attention keeps one vector for keys and values together, the same for all heads.
      kvHeadCount: latent ? 1 : shape.kvHeadCount,
      headDimension: latent ? (latent.kvRank + latent.ropeDimension) / 2 : shape.headDimension,
      bytesPerWeight: weightBytes,
      maxSequenceTokens,
      hiddenSize: shape.hiddenSize,
      ...(experts
        ? {
            experts: {
              count: experts.count,
              perToken: experts.perToken,
              parameterCount: parameters.routedExperts,
            },
          }
        : {}),
      ...(effective.task === "request-response" ? { tokensPerRequest: requestTokens } : {}),
      source: `config.json of ${name} (${modelType ?? "unknown model_type"}); parameters added up from its dimensions`,
    },
  };
}

function refuseWhatHasNoFigures(outer: ConfigFields, text: ConfigFields): void {
  if (outer.flag("is_encoder_decoder")) {
    outer.unsupported("is_encoder_decoder", "a network with only a decoder or only an encoder");
  }
  for (const field of recurrentFields) {
    if (text.has(field)) text.unsupported(field, "layers that all keep keys and values");
  }
  const kinds = text.raw("layer_types");
  if (
    Array.isArray(kinds) &&
    kinds.some((kind) => !/attention$/.test(String(kind)) || /linear/.test(String(kind)))
  ) {
    text.unsupported("layer_types", "full_attention and sliding_attention only");
  }
}

function overridden(family: ModelFamily, text: ConfigFields): ModelFamily {
  const attentionBias = text.flag("attention_bias");
  return {
    ...family,
    ...(attentionBias === undefined ? {} : { qkvBias: attentionBias, outputBias: attentionBias }),
    mlpBias: text.flag("mlp_bias") ?? family.mlpBias,
  };
}

function dimensionsOf(text: ConfigFields, outer: ConfigFields, family: ModelFamily): TransformerDimensions {
  const hiddenSize = text.count(["hidden_size", "n_embd", "d_model", "dim"]);
  const layerCount = text.count(["num_hidden_layers", "n_layer", "n_layers", "num_layers"]);
  const headCount = text.count(["num_attention_heads", "n_head", "n_heads"]);
  const latent = latentOf(text);
  const headDimension = text.count(["head_dim"], hiddenSize / headCount);
  if (!latent && !Number.isInteger(headDimension) && text.problems.length === 0) {
    text.unsupported("num_attention_heads", `a divisor of hidden_size ${hiddenSize}, or head_dim beside it`);
  }
  const experts = expertsOf(text, layerCount);
  // A network whose layers all have experts may leave the dense width out; GPT-2 means four times the width by that.
  const mlpDefault = experts || !family.gatedMlp ? 4 * hiddenSize : undefined;
  return {
    hiddenSize,
    layerCount,
    headCount,
    kvHeadCount: text.count(["num_key_value_heads"], text.flag("multi_query") ? 1 : headCount),
    headDimension,
    mlpSize: text.count(["intermediate_size", "n_inner", "ffn_dim", "hidden_dim"], mlpDefault),
    vocabularySize: text.count(["vocab_size"]),
    positionCount: family.learnedPositions ? text.count(["max_position_embeddings", "n_positions"]) : 0,
    tiedEmbeddings:
      text.flag("tie_word_embeddings") ??
      (text === outer ? undefined : outer.flag("tie_word_embeddings")) ??
      family.tiedEmbeddings,
    ...(experts ? { experts } : {}),
    ...(latent ? { latent } : {}),
  };
}

function latentOf(text: ConfigFields): LatentDimensions | undefined {
  if (!text.has("kv_lora_rank")) return undefined;
  return {
    queryRank: text.count(["q_lora_rank"], 0, 0),
    kvRank: text.count(["kv_lora_rank"]),
    ropeDimension: text.count(["qk_rope_head_dim"]),
    plainDimension: text.count(["qk_nope_head_dim"]),
    valueDimension: text.count(["v_head_dim"]),
  };
}

const expertCounts = ["num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts"];

function expertsOf(text: ConfigFields, layerCount: number): ExpertDimensions | undefined {
  if (!expertCounts.some((field) => text.has(field))) return undefined;
  const count = text.count(expertCounts, undefined, 0);
  // Families write 0 or 1 where a variant has no experts.
  if (count <= 1) return undefined;
  const perToken = text.count(["num_experts_per_tok", "moe_top_k", "experts_per_token"]);
  if (perToken > count) text.unsupported("num_experts_per_tok", `at most the ${count} experts there are`);
  const size = text.count(["moe_intermediate_size", "intermediate_size"]);
  const sharedCount = text.count(["n_shared_experts"], 0, 0);
  const sharedSize = text.count(["shared_expert_intermediate_size"], sharedCount * size, 0);
  return {
    count,
    perToken,
    size,
    sharedSize,
    sharedGate: text.has("shared_expert_intermediate_size"),
    layerCount: expertLayers(text, layerCount),
  };
}

function expertLayers(text: ConfigFields, layerCount: number): number {
  const denseFirst = Math.min(text.count(["first_k_dense_replace"], 0, 0), layerCount);
  const every = text.count(["decoder_sparse_step", "moe_layer_freq"], 1);
  const denseOnly = text.raw("mlp_only_layers");
  const dense = new Set(Array.isArray(denseOnly) ? denseOnly : []);
  let layers = 0;
  for (let layer = denseFirst; layer < layerCount; layer++) {
    // Qwen counts its steps from 1, DeepSeek from 0; they agree where every layer has experts, as all published do.
    if ((layer + 1) % every === 0 && !dense.has(layer)) layers++;
  }
  return layers;
}
