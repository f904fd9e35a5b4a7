import { parse } from "yaml";
import { readFileSync } from "node:fs";
import { parseSpec } from "../../platform/spec/load.ts";
import type { PlatformSpec } from "../../platform/spec/schema.ts";
import type { EngineType } from "../../platform/engines/registry.ts";

/** A model that each engine serves, with a small load. */
const models: Readonly<Record<EngineType, object>> = {
  triton: {
    name: "bert-base",
    traffic: [{ slo: { latencyP95: "200ms" }, load: { rate: "60/min" } }],
  },
  vllm: generation(),
  dynamo: generation(),
};

function generation(): object {
  return {
    name: "llama-3-8b",
    version: "main",
    traffic: [
      {
        slo: { ttftP95: "5s", itlMean: "200ms" },
        load: { rate: "6/min", inputTokens: 512, outputTokens: 128 },
      },
    ],
  };
}

/** One engine with one model, beside the cluster of the shipped dev stack. */
export function engineSpec(
  type: EngineType,
  engine: object = {},
  model: object = {},
  rest: object = {},
): PlatformSpec {
  const dev = parse(readFileSync("stacks/dev.yaml", "utf8")) as object;
  const needs = type === "dynamo" ? { addons: { dynamoPlatform: "present" } } : {};
  return parseSpec(
    JSON.stringify({
      ...dev,
      ...needs,
      ...rest,
      engines: [
        {
          name: "served",
          type,
          storage: "pvc://models/llm",
          models: [{ ...models[type], ...model }],
          ...engine,
        },
      ],
    }),
    `${type}.yaml`,
  );
}
