import { parseSpec } from "../../platform/spec/load.ts";
import { PlatformError, type Problem } from "../../platform/errors/platform-error.ts";
import type { PlatformSpec } from "../../platform/spec/schema.ts";

/** A small valid spec on the local stage; tests change one thing of it. */
export const smallSpec = `apiVersion: domino-inference/v1
kind: Platform
metadata:
  name: small
  stage: local
catalog: "2026-11"
accelerators:
  use: [L4, H100-80G]
serviceClasses:
  - { name: Premium, priority: 1 }
domino:
  datasets:
    - { name: models, owner: platform, project: serving }
engines:
  - name: tabular
    type: triton
    storage: { dataset: models, path: models/pre-load }
    models:
      - name: bert-base
        version: 3
        traffic:
          - { serviceClass: Premium, slo: { latencyP95: 50ms }, load: { rate: 600/min } }
          - load: { rate: 1/s }
  - name: chat
    type: vllm
    storage: s3://acme-models/llm
    models:
      - name: llama-3-70b
        traffic:
          - serviceClass: Premium
            slo: { ttftP95: 2s, itlMean: 40ms }
            load: { rate: 60/min, inputTokens: 512, outputTokens: 128 }
`;

/** Replaces one piece of the small spec; fails where it is not there exactly once. */
export function smallSpecWith(found: string, replacement: string): string {
  if (smallSpec.split(found).length !== 2) throw new Error(`"${found}" must occur once in the small spec`);
  return smallSpec.replace(found, replacement);
}

export function parsed(text: string): PlatformSpec {
  return parseSpec(text, "small.yaml");
}

/** The problems that parsing the text reports; an empty list where it is valid. */
export function problemsOf(text: string): readonly Problem[] {
  try {
    parseSpec(text, "small.yaml");
    return [];
  } catch (error) {
    if (PlatformError.is(error)) return error.problems;
    throw error;
  }
}
