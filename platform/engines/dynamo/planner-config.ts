import type { ReplicaGroupPlan } from "../../plan/platform-plan.ts";
import type { DynamoModelOptions } from "./model-options.ts";

/** Where the planner's own metrics are. */
export const plannerMetricsPort = 9_085;

/**
 * Configuration of a planner. The spec's own values win, but for those that say which graph it is: names of the rest
 * change from release to release.
 */
export function plannerConfig(
  { planner, backend }: DynamoModelOptions,
  groups: readonly ReplicaGroupPlan[],
): Readonly<Record<string, unknown>> {
  if (!planner) throw new RangeError("the model has no planner");
  return {
    // Thresholds on queue and cache, which need no profile of the model.
    optimization_target: "throughput",
    pre_deployment_sweeping_mode: "none",
    enable_throughput_scaling: false,
    enable_load_scaling: true,
    min_endpoint: 1,
    ...planner.config,
    environment: "kubernetes",
    backend: backend.type,
    mode: groups.some(({ role }) => role !== undefined) ? "disagg" : "agg",
    max_gpu_budget: planner.maxGpus,
  };
}
