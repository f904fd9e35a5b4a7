import type { AutoscalingSpec } from "./autoscaling-schema.ts";

/** Who scales a replica group by what, every number resolved. */
export interface AutoscalingPlan {
  readonly scaler: AutoscalingSpec["scaler"];
  readonly signal: AutoscalingSpec["signal"];
  /** Per replica: waiting requests, per cent of GPU time, or requests a minute. */
  readonly target: number;
  readonly minReplicas: number;
  readonly maxReplicas: number;
}

/** The sizing of a group, as far as targets follow from it. */
export interface SizedGroup {
  readonly replicas: number;
  readonly maxBatchSize: number;
  readonly maxRequestsPerMinutePerReplica: number;
}

/** Of GPU time: what is left absorbs a burst until the next replica is loaded. */
const gpuUtilisationPercent = 80;

/** Targets that the spec leaves open follow from the plan. */
export function autoscalingPlan(spec: AutoscalingSpec, group: SizedGroup): AutoscalingPlan {
  const { scaler, signal, minReplicas, maxReplicas } = spec;
  return { scaler, signal, target: spec.target ?? defaultTarget(signal, group), minReplicas, maxReplicas };
}

function defaultTarget(signal: AutoscalingSpec["signal"], group: SizedGroup): number {
  switch (signal) {
    case "queue":
      // Requests that fill a quarter of a batch wait no longer than a share of one iteration's worth of work.
      return Math.max(1, Math.ceil(group.maxBatchSize / 4));
    case "gpu-utilisation":
      return gpuUtilisationPercent;
    case "request-rate":
      return group.maxRequestsPerMinutePerReplica;
  }
}
