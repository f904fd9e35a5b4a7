import { certain } from "../certain.ts";
import { nodeMisfit, replicasPerNode } from "../packing/node-fit.ts";
import type { NodeType } from "../packing/node-fit.ts";
import { podShape } from "../pod-shape.ts";
import { compareText } from "../text-order.ts";
import type { GroupDemand, Rejection, ReplicaResources } from "../workload.ts";
import type { ProfiledShape } from "./shapes.ts";

/** A shape on nodes that can hold it. */
export interface NodeShape extends ProfiledShape {
  /** Where a replica spans several nodes: what they are. */
  readonly instanceType?: string;
  /** At the cheapest of the nodes it may use. */
  readonly usdPerGpuHour: number;
}

type Misfit = Pick<Rejection, "allowed" | "reached" | "unit">;

/**
 * The shape on the nodes of its accelerator, or why one replica fits on none of them. A replica on one node may use any
 * of them. One that spans several takes whole nodes of one instance type: pods of equal cards on nodes that have just
 * as many never meet on one node, are equally fast, and leave no cards that other replicas could have used.
 */
export function nodeShapesOf(
  shape: ProfiledShape,
  nodes: readonly NodeType[],
  resources: GroupDemand["resources"],
): readonly NodeShape[] | Misfit {
  const pod = podShape(shape);
  const needed = resources(pod);
  if (shape.nodesPerReplica === 1) {
    return (
      nodeMisfit(nodes, shape.gpusPerReplica, needed) ?? [{ ...shape, usdPerGpuHour: usdPerGpuHour(nodes) }]
    );
  }
  const whole = nodes.filter(({ allocatable }) => allocatable.gpuCount === pod.gpusPerReplica);
  if (whole.length === 0) return nearestWholeNode(nodes, pod.gpusPerReplica);
  return nodeMisfit(whole, pod.gpusPerReplica, needed) ?? onEachType(shape, whole, needed);
}

/**
 * Once for each instance type, cheapest first; only the cheapest unless nodes are limited, because then nothing is ever
 * better on a dearer one.
 */
function onEachType(
  shape: ProfiledShape,
  whole: readonly NodeType[],
  needed: ReplicaResources,
): readonly NodeShape[] {
  const fitting = whole.filter(
    ({ allocatable }) => replicasPerNode(allocatable, allocatable.gpuCount, needed) > 0,
  );
  const shapes = [...Map.groupBy(fitting, ({ instanceType }) => instanceType.name)]
    .map(([instanceType, nodes]): NodeShape => ({
      ...shape,
      instanceType,
      usdPerGpuHour: usdPerGpuHour(nodes),
    }))
    .toSorted(
      (a, b) =>
        a.usdPerGpuHour - b.usdPerGpuHour || compareText(certain(a.instanceType), certain(b.instanceType)),
    );
  const isLimited = fitting.some(({ mostNodes }) => mostNodes !== undefined);
  return isLimited ? shapes : shapes.slice(0, 1);
}

function nearestWholeNode(nodes: readonly NodeType[], gpusPerNode: number): Misfit {
  const counts = nodes.map(({ allocatable }) => allocatable.gpuCount).toSorted((a, b) => a - b);
  const distance = (count: number) => Math.abs(count - gpusPerNode);
  const nearest = counts.reduce(
    (best, count) => (distance(count) < distance(best) ? count : best),
    counts[0] ?? 0,
  );
  return { allowed: nearest, reached: gpusPerNode, unit: "GPU" };
}

function usdPerGpuHour(nodes: readonly NodeType[]): number {
  return Math.min(...nodes.map(({ instanceType, usdPerHour }) => usdPerHour / instanceType.gpuCount));
}
