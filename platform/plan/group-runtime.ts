import type { AutoscalingSpec } from "../scaling/autoscaling-schema.ts";
import type { EnvironmentSpec } from "../spec/runtime-schema.ts";
import type { EngineSpec, ModelSpec } from "../spec/schema.ts";

/** What the spec says of a group's processes. */
export interface GroupRuntime {
  readonly environment: EnvironmentSpec;
  readonly arguments: readonly string[];
  readonly autoscaling?: AutoscalingSpec;
}

/**
 * The engine's words hold for all its groups; a model's own variable wins over the engine's, its arguments come after.
 *
 * @param model of a group that is one model's alone
 */
export function groupRuntime(engine: EngineSpec, model: ModelSpec | undefined): GroupRuntime {
  const autoscaling = model?.autoscaling ?? engine.autoscaling;
  return {
    environment: { ...engine.environment, ...model?.environment },
    arguments: [...(engine.arguments ?? []), ...(model?.arguments ?? [])],
    ...(autoscaling ? { autoscaling } : {}),
  };
}
