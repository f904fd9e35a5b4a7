import type { ReplicaShape } from "./workload.ts";

/** What one pod of a replica has: all of it, or an equal part where the replica spans several nodes. */
export function podShape({
  accelerator,
  gpusPerReplica,
  weightsGiB,
  nodesPerReplica = 1,
}: ReplicaShape & { readonly nodesPerReplica?: number }): ReplicaShape {
  return {
    accelerator,
    gpusPerReplica: gpusPerReplica / nodesPerReplica,
    weightsGiB: weightsGiB / nodesPerReplica,
  };
}
