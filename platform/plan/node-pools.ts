import type { NodePoolAllocation } from "../../optimizer/allocation.ts";
import { allocatable } from "../../optimizer/packing/allocatable.ts";
import { deviceOf, nodeKind } from "./devices.ts";
import { nodeReservation, type Hardware } from "./hardware.ts";
import type { NodePoolPlan, SchedulePlan } from "./platform-plan.ts";

/** The packed nodes as EKS managed node groups. */
export function nodePoolPlans(
  platform: string,
  pools: readonly NodePoolAllocation[],
  { accelerators, instanceTypes }: Pick<Hardware, "accelerators" | "instanceTypes">,
  schedule?: SchedulePlan,
): NodePoolPlan[] {
  return pools
    .map((pool): NodePoolPlan => {
      const type = instanceTypes.find(
        ({ name, accelerator }) => name === pool.instanceType && accelerator === pool.accelerator,
      );
      if (!type) throw new RangeError(`packed onto ${pool.instanceType}, which is not allowed`);
      const purchase = pool.purchase === "on-demand" ? undefined : pool.purchase;
      const room = allocatable(type, nodeReservation);
      const device = deviceOf(pool.accelerator, accelerators);
      const kind = nodeKind(pool, device);
      // A quiet part of the day may want more nodes of a small kind, in place of a large one.
      const byPeriod = (schedule?.periods ?? []).map(({ nodes }) => nodes[kind] ?? 0);
      return {
        name: `${platform}-${kind.replaceAll(/[. ]/g, "-")}`,
        accelerator: pool.accelerator,
        ...(device ? { device } : {}),
        instanceType: pool.instanceType,
        ...(purchase ? { purchase } : {}),
        gpusPerNode: type.gpuCount,
        minNodes: Math.min(pool.nodeCount, ...byPeriod),
        desiredNodes: pool.nodeCount,
        maxNodes: Math.max(pool.nodeCount, ...byPeriod) + 1,
        usdPerHour: pool.usdPerHour,
        allocatable: { cpuMillis: room.cpuMillis, memoryMiB: room.memoryMiB, gpuCount: room.gpuCount },
        nodes: pool.nodes,
      };
    })
    .toSorted((left, right) => (left.name < right.name ? -1 : 1));
}

/** Splits each pool's cost over the groups on it by the cards they use or keep free, so that the shares add up to the total. */
export function costShares(
  pools: readonly NodePoolPlan[],
  gpusPerReplica: ReadonlyMap<string, number>,
): Map<string, number> {
  const shares = new Map<string, number>();
  for (const pool of pools) {
    const used = new Map<string, number>();
    const held = pool.nodes.flatMap(({ replicas, spare = [] }) => [...replicas, ...spare]);
    for (const { group, count } of held) {
      used.set(group, (used.get(group) ?? 0) + count * (gpusPerReplica.get(group) ?? 0));
    }
    const total = [...used.values()].reduce((sum, gpus) => sum + gpus, 0);
    for (const [group, gpus] of used) {
      shares.set(group, (shares.get(group) ?? 0) + (pool.usdPerHour * gpus) / total);
    }
  }
  return shares;
}
