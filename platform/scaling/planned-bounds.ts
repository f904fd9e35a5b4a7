import type { Problem } from "../errors/platform-error.ts";
import type { ReplicaGroupPlan } from "../plan/platform-plan.ts";

/** Groups whose load, as the spec says it, needs more replicas than their autoscaler may go to. */
export function plannedBoundProblems(
  groups: readonly Pick<ReplicaGroupPlan, "name" | "replicas" | "autoscaling">[],
): Problem[] {
  return groups.flatMap(({ name, replicas, autoscaling }): Problem[] =>
    autoscaling === undefined || replicas <= autoscaling.maxReplicas
      ? []
      : [
          {
            code: "SPEC_VALUE_CONFLICT",
            message: `the load of group ${name} needs ${replicas} replicas, and its autoscaling has maxReplicas=${autoscaling.maxReplicas}`,
            allowed: `maxReplicas of at least ${replicas}, or less load`,
          },
        ],
  );
}
