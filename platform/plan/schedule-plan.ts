import type { Candidate, NodePoolAllocation } from "../../optimizer/allocation.ts";
import type { InstanceType } from "../../optimizer/catalog/catalog.ts";
import type { NodeOptions } from "../../optimizer/packing/node-options.ts";
import { pack } from "../../optimizer/packing/pack.ts";
import type { ReplicaDemand } from "../../optimizer/packing/replica-class.ts";
import { hoursOf } from "./day-periods.ts";
import { nodeReservation } from "./hardware.ts";
import type { SchedulePlan } from "./platform-plan.ts";

/** A placed group as the schedule sees it. */
export interface ScheduledGroup {
  readonly name: string;
  readonly chosen: Candidate;
  readonly cpuMillis: number;
  readonly memoryMiB: number;
}

/** Nodes that are interchangeable: of one instance type, bought one way. */
export function nodeKind({ instanceType, purchase = "on-demand" }: NodePoolAllocation): string {
  return purchase === "on-demand" ? instanceType : `${instanceType} ${purchase}`;
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
  instanceTypes: readonly InstanceType[],
  nodeOptions: NodeOptions,
): SchedulePlan {
  const kinds = new Set(peak.map(nodeKind));
  const offered = instanceTypes.filter(({ name }) => peak.some(({ instanceType }) => instanceType === name));
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
    }));
    const packing = pack(demands, offered, nodeReservation, {}, nodeOptions);
    const nodesByKind = new Map(packing.nodePools.map((pool) => [nodeKind(pool), pool.nodeCount]));
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
