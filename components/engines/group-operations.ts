import type * as pulumi from "@pulumi/pulumi";
import { engineProfiles } from "../../platform/engines/registry.ts";
import type { ReplicaGroupPlan } from "../../platform/plan/platform-plan.ts";
import { prometheusNamespace } from "../../platform/scaling/prometheus-namespace.ts";
import type { EngineArgs } from "./engine-args.ts";
import { GroupScaler } from "./scaling/group-scaler.ts";
import { MetricsMonitor } from "./scaling/metrics-monitor.ts";
import type { ScaleTarget } from "./scaling/scaled-group.ts";

export interface GroupOperationsArgs extends Pick<EngineArgs, "monitoring" | "proxy"> {
  readonly group: ReplicaGroupPlan;
  /** Labels of the objects. */
  readonly labels: Readonly<Record<string, string>>;
  /** Labels of the group's pods. */
  readonly podLabels: Readonly<Record<string, string>>;
  /** What the group is to an autoscaler. */
  readonly target: ScaleTarget;
}

/** Measures a replica group and scales it, where the spec wants that: the same for all that a group can be made of. */
export function operateGroup(
  name: string,
  { group, monitoring, proxy, labels, podLabels, target }: GroupOperationsArgs,
  options: pulumi.ComponentResourceOptions,
): void {
  const { ports, metrics } = engineProfiles[group.engineType];
  if (monitoring.podMonitorLabels) {
    new MetricsMonitor(
      `${name}-monitor`,
      {
        objectName: group.name,
        namespace: group.namespace,
        labels,
        monitorLabels: monitoring.podMonitorLabels,
        podLabels,
        endpoint: {
          // Some engines serve metrics on the port of their API, which is listed once.
          port: ports.metrics === ports.http ? "http" : "metrics",
          portNumber: ports.metrics,
          path: metrics.path,
        },
        ...monitoringNamespace(monitoring),
      },
      options,
    );
  }
  if (group.autoscaling) {
    new GroupScaler(
      `${name}-scaler`,
      {
        group,
        autoscaling: group.autoscaling,
        target,
        labels,
        queueGauge: metrics.queue,
        ...(monitoring.prometheus === undefined ? {} : { prometheus: monitoring.prometheus }),
        proxyNamespace: proxy.namespace,
      },
      options,
    );
  }
}

/** Where Prometheus' pods are, where its address says it. */
export function monitoringNamespace(monitoring: EngineArgs["monitoring"]): {
  readonly prometheusNamespace?: string;
} {
  const { prometheus } = monitoring;
  const named = prometheus === undefined ? undefined : prometheusNamespace(prometheus);
  const namespace = monitoring.namespace ?? named;
  return namespace === undefined ? {} : { prometheusNamespace: namespace };
}
