import type { Candidate } from "../allocation.ts";
import type { ReplicaDemand } from "../packing/replica-class.ts";
import { podShape } from "../pod-shape.ts";
import type { GroupDemand } from "../workload.ts";

/** What nodes must hold of a candidate that has no parts, or of one part, under the name of the part. */
export function replicaDemand(
  { resources }: Pick<GroupDemand, "resources">,
  part: Candidate,
  name: string,
  replicas: number = part.replicas,
): ReplicaDemand {
  const { accelerator, gpusPerReplica, nodesPerReplica, instanceType } = part;
  const { cpuMillis, memoryMiB } = resources(podShape(part));
  return {
    group: name,
    accelerator,
    gpusPerReplica,
    replicas,
    cpuMillis,
    memoryMiB,
    ...(nodesPerReplica === undefined ? {} : { nodesPerReplica }),
    ...(instanceType === undefined ? {} : { instanceType }),
  };
}
