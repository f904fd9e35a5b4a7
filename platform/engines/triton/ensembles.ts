import type { GroupModel } from "../../plan/platform-plan.ts";
import { tritonModelOptions } from "./model-options.ts";

/** Whether models must lie on the same servers: an ensemble runs its steps inside one server. */
export function keepsTogether(models: readonly Pick<GroupModel, "options">[]): boolean {
  return models.some((model) => tritonModelOptions(model).ensemble !== undefined);
}
