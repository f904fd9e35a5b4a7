import type { ReplicaGroupPlan } from "../plan/platform-plan.ts";

/** The most replicas that a group can come to have: what was planned, or what an autoscaler or planner may go to. */
export function mostReplicas(group: ScaledGroup): number {
  return Math.max(group.replicas, group.autoscaling?.maxReplicas ?? 0, group.plannerMaxReplicas ?? 0);
}

/** The fewest. */
export function fewestReplicas(group: ScaledGroup): number {
  // A planner keeps one of each kind.
  const fewest = group.plannerMaxReplicas === undefined ? group.replicas : 1;
  return Math.min(group.replicas, group.autoscaling?.minReplicas ?? fewest);
}

type ScaledGroup = Pick<ReplicaGroupPlan, "replicas" | "autoscaling" | "plannerMaxReplicas">;
