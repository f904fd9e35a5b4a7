import type { ReplicaGroupPlan } from "../../platform/plan/platform-plan.ts";

/**
 * Leaves the replicas to their owner where that is not the plan: the planned number is what a workload begins with, and
 * no update sets it back. Leaving the number out of a workload that had one would take its replicas down to one, before
 * any autoscaler is there.
 */
export function leftToOthers({ replicasOwner }: Pick<ReplicaGroupPlan, "replicasOwner">): {
  readonly ignoreChanges?: string[];
} {
  return replicasOwner === "plan" ? {} : { ignoreChanges: ["spec.replicas"] };
}
