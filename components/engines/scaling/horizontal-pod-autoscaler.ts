import type { autoscaling } from "@pulumi/kubernetes/types/input.js";
import { adapterMetrics } from "../../../platform/scaling/adapter-metrics.ts";
import { targetText, type GroupScaling, type ScaledGroup } from "./scaled-group.ts";
import { scalingBehavior } from "./scaling-behavior.ts";

/** `spec` of a HorizontalPodAutoscaler for a replica group; its metrics come from an adapter in the cluster. */
export function horizontalPodAutoscalerSpec({
  group,
  autoscaling,
  target,
}: GroupScaling): autoscaling.v2.HorizontalPodAutoscalerSpec {
  return {
    scaleTargetRef: { apiVersion: target.apiVersion, kind: target.kind, name: target.name },
    minReplicas: autoscaling.minReplicas,
    maxReplicas: autoscaling.maxReplicas,
    behavior: scalingBehavior(autoscaling, group.startupSeconds),
    metrics: metricsOf({ group, autoscaling, target }),
  };
}

function metricsOf({ group, autoscaling }: GroupScaling): autoscaling.v2.MetricSpec[] {
  switch (autoscaling.signal) {
    case "queue":
      // The rate holds the replicas that keep up: while they do, nobody waits.
      return [
        podsMetric(adapterMetrics.queue, autoscaling.target),
        rateMetric(group, group.maxRequestsPerMinutePerReplica),
      ];
    case "gpu-utilisation":
      return [podsMetric(adapterMetrics["gpu-utilisation"], autoscaling.target)];
    case "request-rate":
      return [rateMetric(group, autoscaling.target)];
  }
}

function podsMetric(name: string, target: number): autoscaling.v2.MetricSpec {
  return {
    type: "Pods",
    pods: { metric: { name }, target: { type: "AverageValue", averageValue: targetText(target) } },
  };
}

/** The proxy counts, not the group's pods, so the metric is an external one: chosen by the labels of its series. */
function rateMetric(group: ScaledGroup, target: number): autoscaling.v2.MetricSpec {
  const versions = group.models.flatMap((model) => model.versions.map(({ version }) => version));
  const labels: Readonly<Record<string, readonly string[]>> = {
    server: [group.engine],
    model: group.models.flatMap(({ name, otherNames = [] }) => [name, ...otherNames]),
    version: versions,
    service_class: group.serviceClasses,
  };
  return {
    type: "External",
    external: {
      metric: {
        name: adapterMetrics["request-rate"],
        selector: {
          matchExpressions: Object.entries(labels).map(([key, values]) => ({
            key,
            operator: "In",
            values: [...new Set(values)].toSorted(),
          })),
        },
      },
      target: { type: "AverageValue", averageValue: targetText(target) },
    },
  };
}
