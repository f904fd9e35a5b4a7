import type { OtherPods } from "../engines/engine-profile.ts";
import { engineProfiles } from "../engines/registry.ts";
import { mostReplicas } from "../scaling/most-replicas.ts";
import { deviceResource } from "./devices.ts";
import type { EnginePlan, NamespacePlan, ReplicaGroupPlan } from "./platform-plan.ts";
import type { ProxySpec } from "../spec/proxy-schema.ts";
import { mostProxyReplicas, proxyPod } from "./proxy-pod.ts";

/**
 * The platform's own namespace first, then those that engines name. Quotas leave room for one more replica of
 * every group: during a rolling update the pod that leaves still counts while its successor is created.
 */
export function namespacePlans(
  platformNamespace: string,
  engines: readonly EnginePlan[],
  groups: readonly ReplicaGroupPlan[],
  proxy: ProxySpec | undefined,
): NamespacePlan[] {
  const further = [...new Set(engines.map((engine) => engine.namespace))]
    .filter((name) => name !== platformNamespace)
    .toSorted();
  return [platformNamespace, ...further].map((name) => {
    const own = groups.filter((group) => group.namespace === name);
    // The proxy's update may run old and new pods side by side until the old ones have finished their streams.
    const proxies = name === platformNamespace && proxy ? 2 * mostProxyReplicas(proxy) : 0;
    // Quotas bound requests and limits by the same number.
    const { limits } = proxyPod(proxy ?? {});
    const others = engines
      .filter((engine) => engine.namespace === name)
      .flatMap((engine) => {
        const placed = own.filter((group) => group.engine === engine.name);
        return placed.length === 0 ? [] : (engineProfiles[engine.type].otherPods?.(engine, placed) ?? []);
      });
    const sum = (amount: (group: ReplicaGroupPlan) => number) =>
      own.reduce((total, group) => total + (mostReplicas(group) + 1) * amount(group), 0);
    // CPU and memory are those of one pod, cards those of a whole replica.
    const sumOverPods = (amount: (group: ReplicaGroupPlan) => number) =>
      sum((group) => group.nodesPerReplica * amount(group));
    const slices = sliceResourcesOf(own).map((resource): [string, number] => [
      resource,
      sum(({ device, gpusPerReplica }) => (deviceResource(device) === resource ? gpusPerReplica : 0)),
    ]);
    return {
      name,
      quota: {
        gpus: sum(({ device, gpusPerReplica }) => (device ? 0 : gpusPerReplica)),
        ...(slices.length > 0 ? { slices: Object.fromEntries(slices) } : {}),
        pods: sumOverPods(() => 1) + proxies + total(others, ({ count }) => count),
        cpuMillis:
          sumOverPods((group) => group.cpuMillis) +
          proxies * limits.cpuMillis +
          total(others, ({ count, cpuMillis }) => count * cpuMillis),
        memoryMiB:
          sumOverPods((group) => group.memoryMiB) +
          proxies * limits.memoryMiB +
          total(others, ({ count, memoryMiB }) => count * memoryMiB),
      },
    };
  });
}

function total(pods: readonly OtherPods[], amount: (pods: OtherPods) => number): number {
  return pods.reduce((sum, one) => sum + amount(one), 0);
}

/** Extended resources of the slices that groups run on, each once. */
function sliceResourcesOf(groups: readonly ReplicaGroupPlan[]): string[] {
  const resources = groups.flatMap(({ device }) =>
    device?.kind === "mig" ? (deviceResource(device) ?? []) : [],
  );
  return [...new Set(resources)].toSorted();
}
