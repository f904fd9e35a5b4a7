import { planPlatform } from "../../../../platform/plan/plan.ts";
import type { EnginePlan, GroupModel, ReplicaGroupPlan } from "../../../../platform/plan/platform-plan.ts";
import {
  vllmModelOptionsSchema,
  type VllmModelOptions,
} from "../../../../platform/engines/vllm/model-options.ts";
import { parsed, smallSpec } from "../../../support/spec-fixture.ts";

const plan = planPlatform(parsed(smallSpec));

/** The planned vLLM engine of the small spec: llama-3-70b, streamed from S3. */
export function chat(): { readonly engine: EnginePlan; readonly group: ReplicaGroupPlan } {
  const engine = plan.engines.find(({ name }) => name === "chat");
  const group = plan.groups.find((candidate) => candidate.engine === "chat");
  if (!engine || !group) throw new Error("the small spec has no engine chat");
  return { engine, group };
}

/** What a spec could write, before defaults. */
export type WrittenOptions = Parameters<typeof vllmModelOptionsSchema.parse>[0];

export function optionsOf(written: WrittenOptions = {}): VllmModelOptions {
  return vllmModelOptionsSchema.parse(written);
}

/** The group with other options of its model. */
export function groupWith(written: WrittenOptions, group: ReplicaGroupPlan = chat().group): ReplicaGroupPlan {
  return {
    ...group,
    models: group.models.map((model): GroupModel => ({ ...model, options: optionsOf(written) })),
  };
}
