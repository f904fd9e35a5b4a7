import { certain } from "../../../optimizer/certain.ts";
import type { NodeType } from "../../../optimizer/packing/node-fit.ts";
import type { ReplicaClass } from "../../../optimizer/packing/replica-class.ts";

/** Every set partition of the replicas, each part on the cheapest node that holds it. */
export function cheapestSplit(classes: readonly ReplicaClass[], nodeTypes: readonly NodeType[]): number {
  const replicas = classes.flatMap((one) => Array.from({ length: one.replicas }, () => one));
  const nodeCost = (part: typeof replicas) => {
    const sum = (of: (one: (typeof replicas)[number]) => number) =>
      part.reduce((total, one) => total + of(one), 0);
    const holding = nodeTypes.filter(
      ({ allocatable: room }) =>
        sum(({ gpusPerReplica }) => gpusPerReplica) <= room.gpuCount &&
        sum(({ cpuMillis }) => cpuMillis) <= room.cpuMillis &&
        sum(({ memoryMiB }) => memoryMiB) <= room.memoryMiB &&
        part.length <= room.podCount,
    );
    return Math.min(...holding.map(({ instanceType: { usdPerHour } }) => usdPerHour));
  };
  const split = (at: number, parts: readonly (typeof replicas)[]): number => {
    if (at === replicas.length) return parts.reduce((sum, part) => sum + nodeCost(part), 0);
    const one = certain(replicas[at]);
    const joined = parts.map((part, index) => split(at + 1, parts.with(index, [...part, one])));
    return Math.min(split(at + 1, [...parts, [one]]), ...joined);
  };
  return split(0, []);
}
