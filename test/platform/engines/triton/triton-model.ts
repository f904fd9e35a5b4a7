import { tritonModelOptionsSchema } from "../../../../platform/engines/triton/model-options.ts";
import type { GroupModel } from "../../../../platform/plan/platform-plan.ts";

/** A model of a plan, as far as its repository needs it, with options as a spec writes them. */
export function tritonModel(name: string, options: object = {}, ...versions: readonly string[]): GroupModel {
  const used = versions.length > 0 ? versions : ["1"];
  return {
    name,
    versions: used.map((version) => ({ version, weight: 100 / used.length })),
    options: tritonModelOptionsSchema.parse(options),
  } as unknown as GroupModel;
}
