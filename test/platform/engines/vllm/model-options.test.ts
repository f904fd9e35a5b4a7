import { describe, expect, test } from "vitest";
import {
  vllmBytesPerWeight,
  vllmModelOptions,
  vllmModelOptionsSchema,
  vllmServedNames,
} from "../../../../platform/engines/vllm/model-options.ts";
import { chat, optionsOf } from "./planned.ts";

const allowed = (written: unknown) => vllmModelOptionsSchema.safeParse(written).success;

describe("the options of a model on vLLM", () => {
  test("have defaults that serve a model as it is, with prefixes shared", () => {
    expect(optionsOf()).toEqual({
      dtype: "auto",
      kvCacheDtype: "auto",
      prefixCaching: true,
      gpuMemoryUtilization: 0.9,
      enforceEager: false,
      loraAdapters: [],
      maxLoraRank: 16,
      servedNames: [],
    });
    expect(vllmModelOptions({ options: optionsOf() })).toEqual(optionsOf());
  });

  test("are in the plan with their defaults where the spec says nothing", () => {
    expect(chat().group.models[0]?.options).toEqual(optionsOf());
  });

  test.each([
    { tensorParallelSize: 4 },
    { quantization: "int3" },
    { gpuMemoryUtilization: 0.5 },
    { gpuMemoryUtilization: 0.99 },
    { maxLoraRank: 20 },
    { maxSequenceTokens: 0 },
    { loraAdapters: [{ name: "sql", path: "../escape" }] },
    { loraAdapters: [{ name: "a=b", path: "sql" }] },
    { loraAdapters: [{ name: "--flag", path: "sql" }] },
    { loraAdapters: [{ name: "sql" }] },
    { servedNames: ["--port=1"] },
    { servedNames: ["/leading"] },
    { servedNames: ["two words"] },
    { toolCallParser: "Hermes --x" },
    { chatTemplate: { configMap: "Templates", key: "chat.jinja" } },
    { chatTemplate: { configMap: "templates", key: "../chat" } },
    { chatTemplate: "chat.jinja" },
  ])("refuse %j", (written) => {
    expect(allowed(written)).toBe(false);
  });

  test("name models and adapters with an organisation", () => {
    expect(
      allowed({ servedNames: ["Qwen/Qwen3-8B"], loraAdapters: [{ name: "acme/sql", path: "sql/2" }] }),
    ).toBe(true);
  });

  test("say by which more names a model is asked for", () => {
    const options = optionsOf({ servedNames: ["chat"], loraAdapters: [{ name: "sql", path: "a" }] });
    expect(vllmServedNames({ options })).toEqual(["chat", "sql"]);
    expect(vllmServedNames({ options: optionsOf() })).toEqual([]);
  });

  test("size the weights of the plan: less than 16 bits where they are quantised, the model's own where not", () => {
    expect(vllmBytesPerWeight(optionsOf())).toBeUndefined();
    const bytes = (["fp8", "checkpoint-8-bit", "checkpoint-4-bit"] as const).map((quantization) =>
      vllmBytesPerWeight({ quantization }),
    );
    expect(bytes).toEqual([1.15, 1.15, 0.75]);
  });

  test("size them no smaller than a network of 8 billion weights is, an eighth of which are embeddings", () => {
    const embeddings = (2 * 128_256 * 4096) / 8.03e9;
    const average = (bits: number) => embeddings * 2 + (1 - embeddings) * (bits / 8);
    // AWQ: a 16-bit scale and a 4-bit zero for every 128 weights.
    expect(vllmBytesPerWeight({ quantization: "checkpoint-4-bit" })).toBeGreaterThan(average(4 + 20 / 128));
    expect(vllmBytesPerWeight({ quantization: "fp8" })).toBeGreaterThan(average(8));
  });
});
