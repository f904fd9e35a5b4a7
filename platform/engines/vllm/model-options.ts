import { z } from "zod";
import type { GroupModel } from "../../plan/platform-plan.ts";
import { dataKey, objectName, relativePath } from "../../spec/formats.ts";

/** What a client may call a model or an adapter: also names with an organisation, as on the hub. */
const servedName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:-]*(?:\/[A-Za-z0-9._:-]+)*$/, {
  error: "expected letters, digits, dots, dashes and underscores, such as Qwen/Qwen3-8B",
});

const parserName = z.string().regex(/^[a-z0-9][a-z0-9_.-]{0,63}$/, {
  error: "expected the name of a parser of vLLM, such as hermes",
});

/** The ranks that vLLM has kernels for. */
const loraRank = z.union([8, 16, 32, 64, 128, 256, 320, 512].map((rank) => z.literal(rank)));

const loraAdapterSchema = z.strictObject({
  name: servedName.max(100).describe("What clients ask for in place of the model."),
  path: relativePath.describe(
    "Its folder under adapters/ of the engine's storage; on the hub, its repository in the organisation.",
  ),
});

/** The key `vllm` of a model. */
export const vllmModelOptionsSchema = z.strictObject({
  quantization: z
    .enum(["fp8", "checkpoint-8-bit", "checkpoint-4-bit"])
    .optional()
    .describe(
      "fp8: 16-bit weights become 8-bit ones while they load. checkpoint-*: they are stored so (AWQ, GPTQ, compressed-tensors, ModelOpt), which vLLM sees by itself. Sizes the weights of the plan.",
    ),
  dtype: z
    .enum(["auto", "float16", "bfloat16"])
    .default("auto")
    .describe("Number format of activations, and of weights that are not quantised. Default: the model's."),
  kvCacheDtype: z
    .enum(["auto", "fp8", "fp8_e5m2"])
    .default("auto")
    .describe("Number format of keys and values. fp8 holds twice the tokens. Default: that of activations."),
  maxSequenceTokens: z
    .int()
    .min(1)
    .optional()
    .describe("Longest prompt and answer together. Default: what the model's network takes."),
  // No request gets slower by it, and chats send the same system prompt and history with every turn.
  prefixCaching: z
    .boolean()
    .default(true)
    .describe("Whether prompts that begin alike share what was computed of them."),
  gpuMemoryUtilization: z
    .number()
    // The plan counts on it: batches were sized by the KV cache that fits into this share.
    .min(0.9)
    .max(0.98)
    .default(0.9)
    .describe("Share of a GPU's memory that vLLM claims."),
  enforceEager: z
    .boolean()
    .default(false)
    .describe("Without CUDA graphs: starts sooner and answers slower than the plan says."),
  loraAdapters: z
    .array(loraAdapterSchema)
    .max(64)
    .default([])
    .describe("Adapters that are served beside it."),
  maxLoraRank: loraRank.default(16).describe("Largest rank of the adapters."),
  servedNames: z
    .array(servedName.max(200))
    .max(16)
    .default([])
    .describe("More names that clients may ask for the model by."),
  chatTemplate: z
    .strictObject({ configMap: objectName, key: dataKey })
    .optional()
    .describe("A Jinja template in a ConfigMap of the engine's namespace. Default: the tokenizer's."),
  toolCallParser: parserName.optional().describe("Reads calls of tools out of what the model generates."),
  reasoningParser: parserName.optional().describe("Separates reasoning from the answer."),
});

export type VllmModelOptions = z.output<typeof vllmModelOptionsSchema>;

/** The options of a planned model; the spec was checked by the schema when it was read. */
export function vllmModelOptions(model: Pick<GroupModel, "options">): VllmModelOptions {
  return model.options as VllmModelOptions;
}

/** Names besides the model's own that vLLM answers to: aliases, then adapters. */
export function vllmServedNames(model: Pick<GroupModel, "options">): readonly string[] {
  const { servedNames, loraAdapters } = vllmModelOptions(model);
  return [...servedNames, ...loraAdapters.map(({ name }) => name)];
}

/**
 * Bytes of one weight, on average over the network. Quantisation leaves embeddings and norms in 16 bits and adds a
 * scale a channel or group, so it is more than the bits say: of a network of 8 billion weights with a vocabulary of
 * 128 thousand, an eighth are embeddings. Larger networks come out smaller than planned, never larger.
 */
export function vllmBytesPerWeight({
  quantization,
}: Pick<VllmModelOptions, "quantization">): number | undefined {
  switch (quantization) {
    case "fp8":
    case "checkpoint-8-bit":
      return 1.15;
    case "checkpoint-4-bit":
      return 0.75;
    default:
      return undefined;
  }
}
