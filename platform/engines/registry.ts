import type { EngineProfile } from "./engine-profile.ts";
import type { EngineType } from "./engine-type.ts";
import { tritonProfile } from "./triton/profile.ts";
import { vllmProfile } from "./vllm/profile.ts";

/** Every engine there is. A new engine adds its type and one line here. */
export const engineProfiles: Readonly<Record<EngineType, EngineProfile>> = {
  triton: tritonProfile,
  vllm: vllmProfile,
};

export function isEngineType(type: string): type is EngineType {
  return Object.hasOwn(engineProfiles, type);
}
