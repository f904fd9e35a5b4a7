import { deviceResource } from "./devices.ts";
import type { EnginePlan, NamespacePlan, ReplicaGroupPlan } from "./platform-plan.ts";

/** Requests (and limits) of one proxy pod: a core and a half carries thousands of requests a second. */
export const proxyPod = { cpuMillis: 1_500, memoryMiB: 2_048 } as const;

/**
 * The platform's own namespace first, then those that engines name. Quotas leave room for one more pod of every
 * Deployment: during a rolling update the pod that leaves still counts while its successor is created.
 */
export function namespacePlans(
  platformNamespace: string,
  engines: readonly EnginePlan[],
  groups: readonly ReplicaGroupPlan[],
  proxyReplicas: number,
): NamespacePlan[] {
  const others = [...new Set(engines.map((engine) => engine.namespace))]
    .filter((name) => name !== platformNamespace)
    .toSorted();
  return [platformNamespace, ...others].map((name) => {
    const own = groups.filter((group) => group.namespace === name);
    // The proxy's update may run old and new pods side by side until the old ones have finished their streams.
    const proxies = name === platformNamespace ? 2 * proxyReplicas : 0;
    const sum = (amount: (group: ReplicaGroupPlan) => number) =>
      own.reduce((total, group) => total + (group.replicas + 1) * amount(group), 0);
    const slices = sliceResourcesOf(own).map((resource): [string, number] => [
      resource,
      sum(({ device, gpusPerReplica }) => (deviceResource(device) === resource ? gpusPerReplica : 0)),
    ]);
    return {
      name,
      quota: {
        gpus: sum(({ device, gpusPerReplica }) => (device ? 0 : gpusPerReplica)),
        ...(slices.length > 0 ? { slices: Object.fromEntries(slices) } : {}),
        pods: sum(() => 1) + proxies,
        cpuMillis: sum((group) => group.cpuMillis) + proxies * proxyPod.cpuMillis,
        memoryMiB: sum((group) => group.memoryMiB) + proxies * proxyPod.memoryMiB,
      },
    };
  });
}

/** Extended resources of the slices that groups run on, each once. */
function sliceResourcesOf(groups: readonly ReplicaGroupPlan[]): string[] {
  const resources = groups.flatMap(({ device }) =>
    device?.kind === "mig" ? (deviceResource(device) ?? []) : [],
  );
  return [...new Set(resources)].toSorted();
}
