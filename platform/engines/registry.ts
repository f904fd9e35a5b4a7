import * as engines from "./engine-list.ts";
import type { EngineProfile } from "./engine-profile.ts";

/** The engines there are. */
export type EngineType = keyof typeof engines;

export const engineProfiles: Readonly<Record<EngineType, EngineProfile>> = { ...engines };

export function isEngineType(type: string): type is EngineType {
  return Object.hasOwn(engineProfiles, type);
}
