import type { InstanceType } from "../../optimizer/catalog/catalog.ts";
import type { NodePoolAllocation } from "../../optimizer/allocation.ts";
import { allocatable } from "../../optimizer/packing/allocatable.ts";
import { nodeKind } from "./schedule-plan.ts";
import type { NodePoolPlan, SchedulePlan } from "./platform-plan.ts";
import { nodeReservation } from "./hardware.ts";

/** The packed nodes as EKS managed node groups. */
export function nodePoolPlans(
  platform: string,
  pools: readonly NodePoolAllocation[],
  instanceTypes: readonly InstanceType[],
  schedule?: SchedulePlan,
): NodePoolPlan[] {
  return pools
    .map((pool): NodePoolPlan => {
      const type = instanceTypes.find((candidate) => candidate.name === pool.instanceType);
      if (!type) throw new RangeError(`packed onto ${pool.instanceType}, which is not allowed`);
      const purchase = pool.purchase === "on-demand" ? undefined : pool.purchase;
      const room = allocatable(type, nodeReservation);
      return {
        name: [platform, pool.instanceType.replaceAll(".", "-"), ...(purchase ? [purchase] : [])].join("-"),
        accelerator: pool.accelerator,
        instanceType: pool.instanceType,
        ...(purchase ? { purchase } : {}),
        gpusPerNode: type.gpuCount,
        minNodes: Math.min(
          pool.nodeCount,
          ...(schedule?.periods ?? []).map(({ nodes }) => nodes[nodeKind(pool)] ?? 0),
        ),
        desiredNodes: pool.nodeCount,
        maxNodes: pool.nodeCount + 1,
        usdPerHour: pool.usdPerHour,
        allocatable: { cpuMillis: room.cpuMillis, memoryMiB: room.memoryMiB, gpuCount: room.gpuCount },
        nodes: pool.nodes,
      };
    })
    .toSorted((left, right) => (left.name < right.name ? -1 : 1));
}

/** Splits each pool's cost over the groups on it by the cards they use, so that the shares add up to the total. */
export function costShares(
  pools: readonly NodePoolPlan[],
  gpusPerReplica: ReadonlyMap<string, number>,
): Map<string, number> {
  const shares = new Map<string, number>();
  for (const pool of pools) {
    const used = new Map<string, number>();
    for (const { group, count } of pool.nodes.flatMap((node) => node.replicas)) {
      used.set(group, (used.get(group) ?? 0) + count * (gpusPerReplica.get(group) ?? 0));
    }
    const total = [...used.values()].reduce((sum, gpus) => sum + gpus, 0);
    for (const [group, gpus] of used) {
      shares.set(group, (shares.get(group) ?? 0) + (pool.usdPerHour * gpus) / total);
    }
  }
  return shares;
}
