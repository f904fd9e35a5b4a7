import type { PlatformPlan } from "../plan/platform-plan.ts";
import type { DecisionChange, FrontierGroup, FrontierPoint, GroupShape } from "./frontier.ts";

/** A point before it is compared with the one to its left. */
export type LonePoint = Omit<FrontierPoint, "changes">;

/** What a what-if keeps of the plan at one factor. */
export function frontierPoint(factor: number, plan: PlatformPlan): LonePoint {
  const { usdPerHour, nodes, gpus, replicas, servers, serversPlaced } = plan.totals;
  return {
    factor,
    usdPerHour,
    nodes,
    gpus,
    replicas,
    servers,
    serversPlaced,
    ...(plan.budgetUsdPerHour === undefined ? {} : { withinBudget: usdPerHour <= plan.budgetUsdPerHour }),
    groups: plan.groups.map((group) => ({
      name: group.name,
      accelerator: group.accelerator,
      gpusPerReplica: group.gpusPerReplica,
      replicas: group.replicas,
      usdPerHour: group.usdPerHour,
    })),
    nodePools: plan.nodePools.map((pool) => ({
      accelerator: pool.accelerator,
      ...(pool.device ? { device: pool.device } : {}),
      instanceType: pool.instanceType,
      nodes: pool.desiredNodes,
      usdPerHour: pool.usdPerHour,
    })),
    unplaced: plan.unplaced.map(({ servers: left, misses: [nearestMiss] }) => ({
      servers: left,
      ...(nearestMiss === undefined ? {} : { nearestMiss }),
    })),
  };
}

/** Says at each point what is decided otherwise than at the one before. */
export function withChanges(points: readonly LonePoint[]): FrontierPoint[] {
  return points.map((point, index) => {
    const before = points[index - 1];
    return { ...point, changes: before ? changesBetween(before.groups, point.groups) : [] };
  });
}

function changesBetween(before: readonly FrontierGroup[], after: readonly FrontierGroup[]): DecisionChange[] {
  const names = new Set([...before, ...after].map(({ name }) => name));
  return [...names].toSorted().flatMap((name): DecisionChange[] => {
    const from = shapeOf(before.find((group) => group.name === name));
    const to = shapeOf(after.find((group) => group.name === name));
    if (!from || !to) {
      return [
        { group: name, kind: to ? "placed" : "unplaced", ...(from ? { from } : {}), ...(to ? { to } : {}) },
      ];
    }
    const sameShape = from.accelerator === to.accelerator && from.gpusPerReplica === to.gpusPerReplica;
    if (sameShape && from.replicas === to.replicas) return [];
    return [{ group: name, kind: sameShape ? "replicas" : "shape", from, to }];
  });
}

function shapeOf(group: FrontierGroup | undefined): GroupShape | undefined {
  return (
    group && {
      accelerator: group.accelerator,
      gpusPerReplica: group.gpusPerReplica,
      replicas: group.replicas,
    }
  );
}
