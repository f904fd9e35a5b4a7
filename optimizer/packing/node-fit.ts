import type { InstanceType } from "../catalog/catalog.ts";
import type { NodeReservation } from "../problem.ts";
import type { Rejection, ReplicaResources } from "../workload.ts";
import { compareText } from "../text-order.ts";
import { allocatable } from "./allocatable.ts";
import type { Allocatable } from "./allocatable.ts";
import { onDemand } from "./node-options.ts";
import type { NodeOptions, PurchaseKind } from "./node-options.ts";

/** An instance type with what replicas can use of it. */
export interface NodeType {
  readonly instanceType: InstanceType;
  readonly allocatable: Allocatable;
  /** How it is bought. */
  readonly purchase: PurchaseKind;
  /** What such a node costs. */
  readonly usdPerHour: number;
  /** Nodes that there are of this instance type and purchase, in all zones; absent where there is no limit. */
  readonly mostNodes?: number;
  /** Where it stands; absent where that does not matter. */
  readonly zone?: string;
}

/**
 * The node types of each accelerator, in order of name, then of purchase and zone; an accelerator without any has no
 * entry.
 */
export function nodeTypesByAccelerator(
  instanceTypes: readonly InstanceType[],
  reservation: NodeReservation,
  options: NodeOptions = {},
): ReadonlyMap<string, readonly NodeType[]> {
  const purchase = (options.purchase ?? [onDemand]).toSorted((a, b) => compareText(a.kind, b.kind));
  const zones = options.zones?.toSorted(compareText) ?? [];
  const nodeTypes = instanceTypes
    .toSorted((a, b) => compareText(a.name, b.name))
    .flatMap((instanceType) =>
      purchase.flatMap(({ kind, priceFraction, mostNodes }): readonly NodeType[] => {
        const most = mostNodes?.[instanceType.name];
        if (mostNodes && most === undefined) return [];
        const nodeType = {
          instanceType,
          allocatable: allocatable(instanceType, reservation),
          purchase: kind,
          usdPerHour: instanceType.usdPerHour * priceFraction,
          ...(most === undefined ? {} : { mostNodes: most }),
        };
        return zones.length > 0 ? zones.map((zone) => ({ ...nodeType, zone })) : [nodeType];
      }),
    );
  return Map.groupBy(nodeTypes, ({ instanceType }) => instanceType.accelerator);
}

/** Replicas of these resources and cards that fit on one empty node. */
export function replicasPerNode(
  node: Allocatable,
  gpusPerReplica: number,
  resources: ReplicaResources,
): number {
  return Math.max(
    0,
    Math.min(
      Math.floor(node.gpuCount / gpusPerReplica),
      resources.cpuMillis > 0 ? Math.floor(node.cpuMillis / resources.cpuMillis) : Number.POSITIVE_INFINITY,
      resources.memoryMiB > 0 ? Math.floor(node.memoryMiB / resources.memoryMiB) : Number.POSITIVE_INFINITY,
      node.podCount,
    ),
  );
}

/**
 * Why one replica fits on none of the nodes: too few cards on all of them, else the CPU or the memory that the
 * best of those with enough cards has. Undefined where it fits.
 */
export function nodeMisfit(
  nodeTypes: readonly NodeType[],
  gpusPerReplica: number,
  resources: ReplicaResources,
): Pick<Rejection, "allowed" | "reached" | "unit"> | undefined {
  if (nodeTypes.some((node) => replicasPerNode(node.allocatable, gpusPerReplica, resources) > 0))
    return undefined;
  const gpuCount = Math.max(0, ...nodeTypes.map((node) => node.allocatable.gpuCount));
  if (gpuCount < gpusPerReplica) return { allowed: gpuCount, reached: gpusPerReplica, unit: "GPU" };
  const wide = nodeTypes.filter((node) => node.allocatable.gpuCount >= gpusPerReplica);
  const memoryMiB = Math.max(...wide.map((node) => node.allocatable.memoryMiB));
  if (memoryMiB < resources.memoryMiB) {
    return { allowed: Math.max(memoryMiB, 0), reached: resources.memoryMiB, unit: "MiB" };
  }
  const cpuMillis = Math.max(...wide.map((node) => node.allocatable.cpuMillis));
  return { allowed: Math.max(cpuMillis, 0), reached: resources.cpuMillis, unit: "mCPU" };
}
