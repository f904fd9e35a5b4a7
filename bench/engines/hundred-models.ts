import { readFileSync } from "node:fs";
import { parse } from "yaml";

/** A spec with a hundred models over Triton, vLLM and Dynamo, beside the cluster of the shipped dev stack. */
export function hundredModels(): object {
  const dev = parse(readFileSync("stacks/dev.yaml", "utf8")) as Record<string, unknown>;
  return {
    ...dev,
    metadata: { name: "bench", stage: "dev" },
    budget: "100000 USD/h",
    addons: { dynamoPlatform: "install" },
    engines: [
      ...numbered(2).map((engine) => ({
        name: `tabular-${engine}`,
        type: "triton",
        storage: { dataset: "triton-dev-ds", path: `models/${engine}` },
        models: numbered(20).map((model) => ({
          name: `encoder-${model}`,
          base: model % 2 === 0 ? "bert-base" : "distilbert-base",
          triton: { dynamicBatching: { preferredSizes: [4, 8], queueDelay: "1ms" } },
          traffic: [{ slo: { latencyP95: "100ms" }, load: { rate: `${60 + 30 * model}/min` } }],
        })),
      })),
      {
        name: "chat",
        type: "vllm",
        storage: "s3://acme-models/llm",
        models: numbered(40).map((model) => ({ ...chatModel(model), vllm: { prefixCaching: true } })),
      },
      {
        name: "graphs",
        type: "dynamo",
        storage: "pvc://models/llm",
        models: numbered(20).map((model) => ({
          ...chatModel(model),
          dynamo: { backend: { type: "vllm" }, routingPolicy: model % 2 === 0 ? "kv" : "round-robin" },
        })),
      },
    ],
  };
}

function chatModel(model: number): object {
  return {
    name: `llm-${model}`,
    base: "llama-3-8b",
    traffic: [
      {
        slo: { ttftP95: "3s", itlMean: "100ms" },
        load: { rate: `${6 + 3 * model}/min`, inputTokens: 512 + 32 * model, outputTokens: 128 },
      },
    ],
  };
}

function numbered(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}
