import type { EngineProfile } from "./engine-profile.ts";
import { tritonProfile } from "./triton/profile.ts";
import { vllmProfile } from "./vllm/profile.ts";

/** Every engine there is. A new engine adds one line here. */
const profiles = {
  triton: tritonProfile,
  vllm: vllmProfile,
};

/** The engines there are: what `engines[].type` of a spec may say. */
export type EngineType = keyof typeof profiles;

export const engineProfiles: Readonly<Record<EngineType, EngineProfile>> = profiles;

export function isEngineType(type: string): type is EngineType {
  return Object.hasOwn(engineProfiles, type);
}
