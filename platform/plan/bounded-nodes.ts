import { fewestReplicas, mostReplicas } from "../scaling/most-replicas.ts";
import type { NodePoolPlan, ReplicaGroupPlan } from "./platform-plan.ts";

/**
 * The bounds of node pools where replicas span nodes or autoscalers change their number: down to the nodes that the fewest replicas need, up
 * to as many more as the most would. What is planned, packed and priced stays that of the planned counts.
 *
 * A group on several pools counts with all its further replicas on each: which one they will come to is the cluster
 * autoscaler's to say.
 */
export function boundedNodes(
  pools: readonly NodePoolPlan[],
  groups: readonly ReplicaGroupPlan[],
): NodePoolPlan[] {
  const byName = new Map(groups.map((group) => [group.name, group]));
  return pools.map((pool) => {
    const onPool = groups.filter((group) => group.nodePools.includes(pool.name));
    // A replica that is replaced needs all its nodes at once, of which one is planned for.
    const replaced = Math.max(1, ...onPool.map((group) => group.nodesPerReplica)) - 1;
    const own = onPool.filter((group) => group.autoscaling ?? group.plannerMaxReplicas);
    if (own.length === 0 && replaced === 0) return pool;
    const furtherGpus = own.reduce(
      (sum, group) => sum + (mostReplicas(group) - group.replicas) * group.gpusPerReplica,
      0,
    );
    return {
      ...pool,
      minNodes: own.length === 0 ? pool.minNodes : Math.min(pool.minNodes, nodesOfFewest(pool, byName)),
      maxNodes: pool.maxNodes + replaced + Math.ceil(furtherGpus / pool.gpusPerNode),
    };
  });
}

/** Nodes of the packing that are left when every group has its fewest replicas. */
function nodesOfFewest({ nodes }: NodePoolPlan, groups: ReadonlyMap<string, ReplicaGroupPlan>): number {
  const needed = new Map(
    [...groups].map(([name, group]) => [name, fewestReplicas(group) * group.nodesPerReplica]),
  );
  return nodes.filter(({ replicas }) => {
    const kept = replicas.filter(({ group, count }) => {
      const open = needed.get(group) ?? 0;
      needed.set(group, Math.max(0, open - count));
      return open > 0;
    });
    return kept.length > 0;
  }).length;
}
