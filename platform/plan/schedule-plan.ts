import type { Candidate, NodePoolAllocation } from "../../optimizer/allocation.ts";
import { pack } from "../../optimizer/packing/pack.ts";
import type { ReplicaDemand } from "../../optimizer/packing/replica-class.ts";
import { hoursOf } from "./day-periods.ts";
import { deviceOf, nodeKind } from "./devices.ts";
import { nodeReservation, type Hardware } from "./hardware.ts";
import type { SchedulePlan } from "./platform-plan.ts";

/** A placed group as the schedule sees it: one that has no parts, or one part. */
export interface ScheduledGroup {
  readonly name: string;
  readonly chosen: Candidate;
  /** Of one pod, as the memory is. */
  readonly cpuMillis: number;
  readonly memoryMiB: number;
}

/**
 * Replicas and nodes of each period of the day, on the instance types that the busiest period was packed onto: a
 * platform does not change its kinds of nodes by the hour.
 *
 * @param periods hours at which loads change, beginning with 0
 * @param peak the nodes of the busiest sizes of all groups together
 */
export function schedulePlan(
  periods: readonly number[],
  groups: readonly ScheduledGroup[],
  peak: readonly NodePoolAllocation[],
  {
    accelerators,
    instanceTypes,
    nodeOptions,
  }: Pick<Hardware, "accelerators" | "instanceTypes" | "nodeOptions">,
): SchedulePlan {
  const kindOf = (pool: NodePoolAllocation) => nodeKind(pool, deviceOf(pool.accelerator, accelerators));
  const kinds = new Set(peak.map(kindOf));
  const offered = instanceTypes.filter(({ name, accelerator }) =>
    peak.some((pool) => pool.instanceType === name && pool.accelerator === accelerator),
  );
  const peakUsdPerHour = peak.reduce((sum, pool) => sum + pool.usdPerHour, 0);
  const planned = periods.map((fromHour, position) => {
    const replicasOf = ({ chosen }: ScheduledGroup) => chosen.replicasByPeriod?.[position] ?? chosen.replicas;
    const demands = groups.map((group): ReplicaDemand => ({
      group: group.name,
      accelerator: group.chosen.accelerator,
      gpusPerReplica: group.chosen.gpusPerReplica,
      replicas: replicasOf(group),
      cpuMillis: group.cpuMillis,
      memoryMiB: group.memoryMiB,
      ...(group.chosen.nodesPerReplica === undefined
        ? {}
        : { nodesPerReplica: group.chosen.nodesPerReplica }),
      ...(group.chosen.instanceType === undefined ? {} : { instanceType: group.chosen.instanceType }),
    }));
    const packing = pack(demands, offered, nodeReservation, {}, nodeOptions);
    const nodesByKind = new Map(packing.nodePools.map((pool) => [kindOf(pool), pool.nodeCount]));
    return {
      fromHour,
      hours: hoursOf(periods, position),
      replicas: Object.fromEntries(groups.map((group) => [group.name, replicasOf(group)])),
      nodes: Object.fromEntries([...kinds].toSorted().map((kind) => [kind, nodesByKind.get(kind) ?? 0])),
      usdPerHour: packing.usdPerHour,
    };
  });
  return {
    periods: planned,
    usdPerDay: planned.reduce((sum, { hours, usdPerHour }) => sum + hours * usdPerHour, 0),
    usdPerDayAtPeak: 24 * peakUsdPerHour,
  };
}
