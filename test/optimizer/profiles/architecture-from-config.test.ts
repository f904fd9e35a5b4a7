import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { certain } from "../../../optimizer/certain.ts";
import { newestCatalog } from "../../../optimizer/catalog/registry.ts";
import { architectureFromConfig } from "../../../optimizer/profiles/architecture-from-config.ts";
import { estimateProfiles } from "../../../optimizer/profiles/estimate.ts";
import { activeParameterCount } from "../../../optimizer/profiles/roofline.ts";
import { configs } from "./configs.ts";

function read(config: unknown, name = "model") {
  const reading = architectureFromConfig(name, config);
  if (!reading.ok) throw new Error(JSON.stringify(reading.problems));
  return reading;
}

function problems(config: unknown) {
  const reading = architectureFromConfig("model", config);
  if (reading.ok) throw new Error("expected problems");
  return reading.problems;
}

describe("the architecture that a config.json describes", () => {
  it.each(["llama-3-8b", "llama-3-70b", "mistral-7b", "qwen3-32b", "bert-base", "distilbert-base"] as const)(
    "is the catalog's for %s",
    (name) => {
      const known = certain(newestCatalog.models.find((model) => model.name === name));
      const { architecture, notes } = read(configs[name], name);
      const { source: _, bytesPerWeight: __, ...dimensions } = known;
      expect(architecture).toMatchObject(dimensions);
      expect(notes).toEqual([]);
    },
  );

  /** Parameters that the publishers' weight indexes or model cards state. */
  it.each([
    ["gpt2", 124_439_808],
    ["qwen2.5-7b", 7_615_616_512],
    ["gemma-2-9b", 9_241_705_984],
    ["mixtral-8x7b", 46_702_792_704],
    ["qwen3-30b-a3b", 30_532_122_624],
    ["gpt-oss-20b", 20_914_757_184],
  ] as const)("has every weight of %s", (name, count) => {
    expect(read(configs[name]).architecture.parameterCount).toBe(count);
  });

  it("counts latent attention and shared experts of deepseek-v3, and what it keeps of a token", () => {
    const { architecture } = read(configs["deepseek-v3"]);
    expect(architecture.parameterCount / 1e9).toBeCloseTo(671, 0);
    expect(activeParameterCount(architecture) / 1e9).toBeCloseTo(37.5, 0);
    expect(2 * architecture.kvHeadCount * architecture.headDimension).toBe(512 + 64);
  });

  it("tells the weights that one token goes through from those it does not", () => {
    expect(activeParameterCount(read(configs["mixtral-8x7b"]).architecture) / 1e9).toBeCloseTo(12.9, 1);
    expect(activeParameterCount(read(configs["qwen3-30b-a3b"]).architecture) / 1e9).toBeCloseTo(3.35, 1);
    expect(activeParameterCount(read(configs["llama-3-8b"]).architecture)).toBe(8_030_261_248);
  });

  it("reads the language model of a multimodal config, and says that the rest is not counted", () => {
    const { torch_dtype, ...text } = configs["mistral-7b"];
    const { architecture, notes } = read({
      model_type: "llava",
      torch_dtype,
      tie_word_embeddings: false,
      text_config: text,
      vision_config: { hidden_size: 1024 },
    });
    expect(architecture.parameterCount).toBe(7_248_023_552);
    expect(notes).toMatchObject([expect.stringContaining("only the language model")]);
  });

  it("takes an unknown decoder for a Llama, and says so", () => {
    const { architecture, notes } = read({ ...configs["llama-3-8b"], model_type: "newllama" });
    expect(architecture.parameterCount).toBe(8_030_261_248);
    expect(notes).toMatchObject([expect.stringContaining('"newllama" is not known')]);
  });
});

describe("bytes a weight", () => {
  const bytes = (change: Record<string, unknown>) =>
    read({ ...configs["llama-3-8b"], ...change }).architecture.bytesPerWeight;
  // All weights but the two embeddings and the norms are quantised.
  const quantized = (bits: number) => {
    const whole = 8_030_261_248;
    const projections = whole - 2 * 128_256 * 4096 - 65 * 4096;
    return (projections * (bits / 8) + (whole - projections) * 2) / whole;
  };

  it.each([
    ["bfloat16", { torch_dtype: "bfloat16" }, 2],
    ["float32", { torch_dtype: "float32" }, 4],
    ["the newer name of the field", { torch_dtype: undefined, dtype: "float32" }, 4],
    ["16 bit where nothing is said", { torch_dtype: null }, 2],
    ["awq", { quantization_config: { quant_method: "awq", bits: 4 } }, quantized(4 + 20 / 128)],
    ["gptq", { quantization_config: { quant_method: "gptq", bits: 8 } }, quantized(8 + 20 / 128)],
    ["fp8", { quantization_config: { quant_method: "fp8" } }, quantized(8)],
    [
      "4-bit bitsandbytes",
      { quantization_config: { quant_method: "bitsandbytes", load_in_4bit: true } },
      quantized(4 + 20 / 128),
    ],
    ["nvfp4", { quantization_config: { quant_method: "modelopt", quant_algo: "NVFP4" } }, quantized(4.5)],
    [
      "compressed tensors",
      {
        quantization_config: {
          quant_method: "compressed-tensors",
          config_groups: { group_0: { weights: { num_bits: 8 } } },
        },
      },
      quantized(8),
    ],
  ])("are those of %s", (_what, change, expected) => {
    expect(bytes(change)).toBeCloseTo(expected, 9);
  });

  it("are a problem where the quantisation is not known", () => {
    expect(
      problems({ ...configs["llama-3-8b"], quantization_config: { quant_method: "aqlm" } }),
    ).toMatchObject([{ field: "quantization_config", kind: "unsupported" }]);
    expect(problems({ ...configs["llama-3-8b"], torch_dtype: "bf17" })).toMatchObject([
      { field: "torch_dtype", kind: "unsupported", found: "bf17" },
    ]);
  });
});

describe("a config that cannot be used", () => {
  it.each([
    ["no object", 7, [{ field: "config.json", kind: "invalid" }]],
    ["a list", [], [{ field: "config.json", kind: "invalid" }]],
    [
      "an encoder with a decoder",
      { ...configs["llama-3-8b"], is_encoder_decoder: true },
      [{ field: "is_encoder_decoder", kind: "unsupported" }],
    ],
    [
      "recurrent layers",
      { ...configs["llama-3-8b"], layer_types: ["linear_attention", "full_attention"] },
      [{ field: "layer_types", kind: "unsupported" }],
    ],
    [
      "more experts a token than there are",
      { ...configs["mixtral-8x7b"], num_experts_per_tok: 9 },
      [{ field: "num_experts_per_tok", kind: "unsupported", found: "9" }],
    ],
    [
      "heads that do not divide the width",
      { ...configs["llama-3-8b"], num_attention_heads: 33 },
      [{ field: "num_attention_heads", kind: "unsupported", found: "33" }],
    ],
    [
      "numbers that are none",
      { ...configs["llama-3-8b"], hidden_size: "4096", num_hidden_layers: -1, vocab_size: 1.5 },
      [
        { field: "hidden_size", kind: "invalid", found: "4096" },
        { field: "num_hidden_layers", kind: "invalid", found: "-1" },
        { field: "vocab_size", kind: "invalid", found: "1.5" },
      ],
    ],
  ])("has a problem with its field: %s", (_what, config, expected) => {
    expect(problems(config)).toMatchObject(expected);
  });

  it("names every field that is missing", () => {
    expect(problems({ model_type: "llama" }).map(({ field }) => field)).toEqual([
      "hidden_size or n_embd or d_model or dim",
      "num_hidden_layers or n_layer or n_layers or num_layers",
      "num_attention_heads or n_head or n_heads",
      "intermediate_size or n_inner or ffn_dim or hidden_dim",
      "vocab_size",
      "max_position_embeddings or n_positions or max_seq_len",
    ]);
  });

  it("never throws, whatever is in it", () => {
    const keys = Object.keys({
      ...configs["deepseek-v3"],
      ...configs["gpt2"],
      text_config: 0,
      quantization_config: 0,
    });
    const config = fc.oneof(
      fc.anything(),
      fc.dictionary(
        fc.constantFrom(...keys),
        fc.oneof(fc.anything(), fc.integer(), fc.constantFrom(1, 8, 64)),
      ),
    );
    fc.assert(
      fc.property(config, (any) => {
        const reading = architectureFromConfig("any", any);
        if (reading.ok) expect(reading.architecture.parameterCount).toBeGreaterThan(0);
        else expect(reading.problems.length).toBeGreaterThan(0);
      }),
      { numRuns: 200 },
    );
  });
});

describe("estimates of a mixture of experts", () => {
  const { architecture } = read(configs["mixtral-8x7b"], "mixtral-8x7b");
  const chat = { inputTokens: 1024, outputTokens: 256 };
  const accelerators = newestCatalog.accelerators.filter(({ name }) => name === "H100-80G");
  const { profiles, excluded } = estimateProfiles(architecture, accelerators, chat);
  const two = certain(profiles.find(({ gpusPerReplica }) => gpusPerReplica === 2));

  it("need memory for all experts", () => {
    expect(two.weightsGiB).toBeCloseTo(87, 0);
    expect(excluded).toMatchObject([{ gpusPerReplica: 1, constraint: "memory" }]);
  });

  it("read and compute with the experts that a batch goes through", () => {
    const { experts: _, ...whole } = architecture;
    const dense = certain(
      estimateProfiles(whole, accelerators, chat).profiles.find(({ gpusPerReplica }) => gpusPerReplica === 2),
    );
    expect(two.deltaMs).toBeLessThan(0.4 * dense.deltaMs);
    expect(two.alphaMs + two.betaMs).toBeLessThan(0.75 * (dense.alphaMs + dense.betaMs));
    // With a full batch all experts are read either way.
    const full = (profile: typeof dense) => profile.alphaMs + profile.betaMs * profile.maxBatchSize;
    expect(full(two) / full(dense)).toBeGreaterThan(0.5);
  });

  it("state the line that stands for a curve in their uncertainty", () => {
    expect(two.origin.kind).toBe("estimate");
    expect(two.origin.uncertaintyFraction).toBeGreaterThan(0.5);
    expect(two.origin.uncertaintyFraction).toBeLessThan(1.2);
    expect(two.origin.source).toContain("experts");
  });
});

it("estimates with the exact width exchange less between cards than with the guessed one", () => {
  const { architecture } = read(configs["llama-3-70b"], "llama-3-70b");
  const known = certain(newestCatalog.models.find(({ name }) => name === "llama-3-70b"));
  const deltaOf = (model: typeof known) =>
    certain(
      estimateProfiles(model, newestCatalog.accelerators, {
        inputTokens: 100,
        outputTokens: 100,
      }).profiles.find(
        ({ accelerator, gpusPerReplica }) => accelerator === "A100-80G" && gpusPerReplica === 4,
      ),
    ).deltaMs;
  expect(deltaOf(architecture)).toBeLessThan(deltaOf(known));
  expect(deltaOf(architecture)).toBeGreaterThan(0.95 * deltaOf(known));
});
