import type { ReplicaGroupPlan } from "../plan/platform-plan.ts";

/** The most replicas that a group can come to have: what was planned, or what an autoscaler may go to. */
export function mostReplicas(group: Pick<ReplicaGroupPlan, "replicas" | "autoscaling">): number {
  return Math.max(group.replicas, group.autoscaling?.maxReplicas ?? 0);
}

/** The fewest. */
export function fewestReplicas(group: Pick<ReplicaGroupPlan, "replicas" | "autoscaling">): number {
  return Math.min(group.replicas, group.autoscaling?.minReplicas ?? group.replicas);
}
