import type { AutoscalingSpec } from "./autoscaling-schema.ts";

/** Who scales a replica group by what, every number resolved. */
export interface AutoscalingPlan {
  readonly scaler: AutoscalingSpec["scaler"];
  readonly signal: AutoscalingSpec["signal"];
  /** Per replica: waiting requests, per cent of GPU time, or requests a minute. */
  readonly target: number;
  readonly minReplicas: number;
  readonly maxReplicas: number;
  /**
   * How long fewer replicas must have sufficed before one goes.
   * @default twice the time a replica takes to start, at least ten minutes
   */
  readonly cooldownSeconds?: number;
}

/** The sizing of a group, as far as targets follow from it. */
export interface SizedGroup {
  readonly replicas: number;
  readonly maxBatchSize: number;
  readonly maxRequestsPerMinutePerReplica: number;
}

/** Of GPU time: what is left absorbs a burst until the next replica is loaded. */
const gpuUtilisationPercent = 80;

/** Less would send a replica away between two bursts that a person makes. */
const leastCooldownSeconds = 600;

/** What an autoscaler of Kubernetes remembers at most. */
const longestCooldownSeconds = 3600;

/** Targets that the spec leaves open follow from the plan. */
export function autoscalingPlan(spec: AutoscalingSpec, group: SizedGroup): AutoscalingPlan {
  const { scaler, signal, minReplicas, maxReplicas, cooldown } = spec;
  return {
    scaler,
    signal,
    target: spec.target ?? defaultTarget(signal, group),
    minReplicas,
    maxReplicas,
    ...(cooldown === undefined ? {} : { cooldownSeconds: Math.ceil(cooldown / 1000) }),
  };
}

/**
 * Time that a replica stays although fewer would do. A replica that went too early comes back only after its weights
 * are loaded, so the time grows with theirs.
 */
export function cooldownSecondsOf(
  autoscaling: Pick<AutoscalingPlan, "cooldownSeconds">,
  startupSeconds: number,
): number {
  const wanted = autoscaling.cooldownSeconds ?? Math.max(leastCooldownSeconds, 2 * startupSeconds);
  return Math.min(longestCooldownSeconds, Math.ceil(wanted));
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
