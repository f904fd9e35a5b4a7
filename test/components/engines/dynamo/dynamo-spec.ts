import { parseSpec } from "../../../../platform/spec/load.ts";
import type { PlatformSpec } from "../../../../platform/spec/schema.ts";
import { bankHead, indented } from "../../support/bank-head.ts";

/** One Dynamo engine on a cluster, with what a test says of the engine and of its model. */
export interface DynamoSpecParts {
  /** Lines of the engine's entry. */
  readonly engine?: readonly string[];
  readonly storage?: string;
  readonly version?: string;
  /** Lines of the model's entry. */
  readonly model?: readonly string[];
  /** Lines of the whole spec. */
  readonly platform?: readonly string[];
}

export function dynamoSpec({
  engine = [],
  storage = "{ dataset: models, path: llm }",
  version = "2",
  model = [],
  platform = [],
}: DynamoSpecParts = {}): PlatformSpec {
  const addons = platform.some((line) => line.startsWith("addons:"))
    ? []
    : ["addons: { dynamoPlatform: present }"];
  const text = `${bankHead}${[...addons, ...platform].join("\n")}
engines:
  - name: chat
    type: dynamo
    namespace: chat
    storage: ${storage}
${indented(4, engine)}
    models:
      - name: llama-3-70b
        version: ${version}
${indented(8, model)}
        traffic:
          - { slo: { ttftP95: 3s }, load: { rate: 6/min, inputTokens: 512, outputTokens: 100 } }
`;
  return parseSpec(text, "dynamo.yaml");
}
