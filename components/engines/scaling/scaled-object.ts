import { cooldownSecondsOf } from "../../../platform/scaling/autoscaling-plan.ts";
import {
  gpuUtilisationQuery,
  queueQuery,
  requestRateQuery,
} from "../../../platform/scaling/signal-queries.ts";
import { targetText, type GroupScaling } from "./scaled-group.ts";
import { scalingBehavior } from "./scaling-behavior.ts";

export interface ScaledObjectArgs extends GroupScaling {
  /** The engine's gauge of waiting requests. */
  readonly queueGauge: string;
  /** Base URL of Prometheus, from inside the cluster. */
  readonly prometheus: string;
  /** Where the proxy's pods are. */
  readonly proxyNamespace: string;
}

export const scaledObjectApi = { apiVersion: "keda.sh/v1alpha1", kind: "ScaledObject" } as const;

/** Time between two looks at a signal; as often as Prometheus scrapes, since it would see nothing new before. */
const pollingSeconds = 15;

/** Failed looks in a row before the group gets the size of its plan. */
const failuresBeforeFallback = 3;

/** `spec` of a KEDA ScaledObject for a replica group. */
export function scaledObjectSpec(args: ScaledObjectArgs): object {
  const { group, autoscaling, target } = args;
  const { minReplicas, maxReplicas } = autoscaling;
  const cooldownSeconds = cooldownSecondsOf(autoscaling, group.startupSeconds);
  return {
    scaleTargetRef: { apiVersion: target.apiVersion, kind: target.kind, name: target.name },
    minReplicaCount: minReplicas,
    maxReplicaCount: maxReplicas,
    pollingInterval: pollingSeconds,
    // KEDA's own, for the step from one replica to none; the others are bounded by the behaviour below.
    ...(minReplicas === 0 ? { cooldownPeriod: cooldownSeconds, initialCooldownPeriod: cooldownSeconds } : {}),
    // Who cannot see the load serves what was planned for it, and takes nothing away.
    fallback: {
      failureThreshold: failuresBeforeFallback,
      replicas: Math.min(maxReplicas, Math.max(1, minReplicas, group.replicas)),
      behavior: "currentReplicasIfHigher",
    },
    advanced: {
      restoreToOriginalReplicaCount: false,
      horizontalPodAutoscalerConfig: { behavior: scalingBehavior(autoscaling, group.startupSeconds) },
    },
    triggers: triggersOf(args),
  };
}

function triggersOf(args: ScaledObjectArgs): object[] {
  const { group, autoscaling } = args;
  const rate = (threshold: number) =>
    prometheusTrigger(args, "request-rate", requestRateQuery(group, args.proxyNamespace), threshold);
  switch (autoscaling.signal) {
    case "queue":
      return [
        prometheusTrigger(args, "queue", queueQuery(args.queueGauge, group), autoscaling.target),
        // A queue tells that replicas are short, never that they are needed: where they keep up, nobody waits. The
        // requests that do come hold what the plan needs for them.
        rate(group.maxRequestsPerMinutePerReplica),
      ];
    case "gpu-utilisation":
      return [prometheusTrigger(args, "gpu-utilisation", gpuUtilisationQuery(group), autoscaling.target)];
    case "request-rate":
      return [rate(autoscaling.target)];
  }
}

function prometheusTrigger(
  { prometheus }: ScaledObjectArgs,
  name: string,
  query: string,
  threshold: number,
): object {
  return {
    type: "prometheus",
    name,
    // The query's answer is that of all replicas together; it is divided by the threshold.
    metricType: "AverageValue",
    metadata: {
      serverAddress: prometheus,
      query,
      threshold: targetText(threshold),
      activationThreshold: "0",
      // No answer is not zero: it would send every replica away when Prometheus loses its targets.
      ignoreNullValues: "false",
    },
  };
}
