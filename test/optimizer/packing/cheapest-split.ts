import { certain } from "../../../optimizer/certain.ts";
import type { NodeType } from "../../../optimizer/packing/node-fit.ts";
import type { ReplicaClass } from "../../../optimizer/packing/replica-class.ts";

/** Every set partition of the replicas, each part on a node that holds it, as cheap as the limit on cards allows. */
export function cheapestSplit(
  classes: readonly ReplicaClass[],
  nodeTypes: readonly NodeType[],
  gpuLimit: number = Number.POSITIVE_INFINITY,
): number {
  const replicas = classes.flatMap((one) => Array.from({ length: one.replicas }, () => one));
  const holding = (part: typeof replicas) => {
    const sum = (of: (one: (typeof replicas)[number]) => number) =>
      part.reduce((total, one) => total + of(one), 0);
    return nodeTypes.filter(
      ({ allocatable: room }) =>
        sum(({ gpusPerReplica }) => gpusPerReplica) <= room.gpuCount &&
        sum(({ cpuMillis }) => cpuMillis) <= room.cpuMillis &&
        sum(({ memoryMiB }) => memoryMiB) <= room.memoryMiB &&
        part.length <= room.podCount,
    );
  };
  const nodesCost = (parts: readonly (typeof replicas)[]) => {
    // Least cost by cards bought so far.
    let costs = new Map([[0, 0]]);
    for (const part of parts) {
      const next = new Map<number, number>();
      for (const node of holding(part)) {
        for (const [cards, cost] of costs) {
          const bought = cards + node.instanceType.gpuCount;
          if (bought > gpuLimit) continue;
          next.set(bought, Math.min(next.get(bought) ?? Infinity, cost + node.usdPerHour));
        }
      }
      costs = next;
    }
    return Math.min(...costs.values());
  };
  const split = (at: number, parts: readonly (typeof replicas)[]): number => {
    if (at === replicas.length) return nodesCost(parts);
    const one = certain(replicas[at]);
    const joined = parts.map((part, index) => split(at + 1, parts.with(index, [...part, one])));
    return Math.min(split(at + 1, [...parts, [one]]), ...joined);
  };
  return split(0, []);
}
