import { engineProfiles, type EngineType } from "../engines/registry.ts";
import type { EngineSpec, ModelSpec } from "../spec/schema.ts";

/** The options of an engine under the key of its type; with none, what an empty key would give. */
export function engineOptions(engine: EngineSpec, type: EngineType): object {
  return engine[type] ?? engineProfiles[type].options.engine.parse({});
}

/** The options of a model under the key of its engine's type. */
export function modelOptions(model: ModelSpec, type: EngineType): object {
  return model[type] ?? engineProfiles[type].options.model.parse({});
}
