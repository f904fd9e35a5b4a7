import { parseSpec } from "../../../../platform/spec/load.ts";
import type { PlatformSpec } from "../../../../platform/spec/schema.ts";
import { bankHead, indented } from "../../support/bank-head.ts";

/** One vLLM engine on a cluster, with what a test says of the engine and of its model. */
export interface VllmSpecParts {
  /** Lines of the engine's entry, such as `deployment: helm`. */
  readonly engine?: readonly string[];
  readonly storage?: string;
  /** Of the model. */
  readonly name?: string;
  /** Lines of the model's entry. */
  readonly model?: readonly string[];
  /** Lines of the whole spec. */
  readonly platform?: readonly string[];
}

export function vllmSpec({
  engine = [],
  storage = "s3://bank-models/llm",
  name = "llama-3-70b",
  model = [],
  platform = [],
}: VllmSpecParts = {}): PlatformSpec {
  const text = `${bankHead}${platform.join("\n")}
engines:
  - name: chat
    type: vllm
    namespace: chat
    storage: ${storage}
${indented(4, engine)}
    models:
      - name: ${name}
        version: 2
${indented(8, model)}
        traffic:
          - { slo: { ttftP95: 3s }, load: { rate: 6/min, inputTokens: 512, outputTokens: 100 } }
`;
  return parseSpec(text, "vllm.yaml");
}
