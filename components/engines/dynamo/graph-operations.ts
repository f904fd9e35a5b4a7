import type * as pulumi from "@pulumi/pulumi";
import { dynamoEngineOptions } from "../../../platform/engines/dynamo/engine-options.ts";
import {
  frontendPort,
  frontendServiceName,
  graphName,
  scalingAdapterName,
  systemPort,
} from "../../../platform/engines/dynamo/graph-name.ts";
import { dynamoProfile } from "../../../platform/engines/dynamo/profile.ts";
import { frontendImage } from "../../../platform/engines/dynamo/release.ts";
import type { ReplicaGroupPlan } from "../../../platform/plan/platform-plan.ts";
import { recommendedLabels, selectorLabels } from "../../labels.ts";
import type { EngineArgs } from "../engine-args.ts";
import { monitoringNamespace } from "../group-operations.ts";
import { GroupScaler } from "../scaling/group-scaler.ts";
import { MetricsMonitor } from "../scaling/metrics-monitor.ts";
import { frontendIdentity, workerIdentity } from "./graph-labels.ts";

/** What an autoscaler writes the size of a graph's workers to. */
export const scalingAdapterApi = {
  apiVersion: "nvidia.com/v1alpha1",
  kind: "DynamoGraphDeploymentScalingAdapter",
} as const;

/** Measures frontends and workers of a graph, and scales the workers, where the spec wants that. */
export function operateGraph(
  name: string,
  {
    engine,
    groups,
    monitoring,
    proxy,
  }: Pick<EngineArgs, "engine" | "monitoring" | "proxy"> & {
    readonly groups: readonly [ReplicaGroupPlan, ...ReplicaGroupPlan[]];
  },
  options: pulumi.ComponentResourceOptions,
): void {
  const [first] = groups;
  const { podMonitorLabels } = monitoring;
  if (podMonitorLabels) {
    const { path } = dynamoProfile.metrics;
    const identity = frontendIdentity(first, frontendImage(dynamoEngineOptions(engine)));
    const common = {
      namespace: engine.namespace,
      monitorLabels: podMonitorLabels,
      ...monitoringNamespace(monitoring),
    };
    // Ports by the names that the operator gives them.
    new MetricsMonitor(
      `${name}-frontend-monitor`,
      {
        ...common,
        objectName: frontendServiceName(graphName(first)),
        labels: recommendedLabels(identity),
        podLabels: selectorLabels(identity),
        endpoint: { port: "http", portNumber: frontendPort, path },
      },
      options,
    );
    for (const group of groups) {
      const own = workerIdentity(engine, group);
      new MetricsMonitor(
        `${name}-${group.role ?? "workers"}-monitor`,
        {
          ...common,
          objectName: group.name,
          labels: recommendedLabels(own),
          podLabels: selectorLabels(own),
          endpoint: { port: "system", portNumber: systemPort, path },
        },
        options,
      );
    }
  }
  for (const group of groups) {
    if (!group.autoscaling) continue;
    new GroupScaler(
      `${name}-${group.role ?? "workers"}-scaler`,
      {
        group,
        autoscaling: group.autoscaling,
        target: { ...scalingAdapterApi, name: scalingAdapterName(group) },
        labels: recommendedLabels(workerIdentity(engine, group)),
        queueGauge: dynamoProfile.metrics.queue,
        ...(monitoring.prometheus === undefined ? {} : { prometheus: monitoring.prometheus }),
        proxyNamespace: proxy.namespace,
      },
      options,
    );
  }
}
