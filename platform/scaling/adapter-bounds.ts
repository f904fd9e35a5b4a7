import type { Problem } from "../errors/platform-error.ts";
import type { ReplicaGroupPlan } from "../plan/platform-plan.ts";

/** What Kubernetes takes as the value of a label, and so in the selector of an external metric. */
const labelValue = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

/** A HorizontalPodAutoscaler asks for the rate of models by label values, which not every name is. */
export function adapterProblems(
  groups: readonly Pick<ReplicaGroupPlan, "name" | "models" | "autoscaling">[],
): Problem[] {
  return groups.flatMap(({ name, models, autoscaling }): Problem[] => {
    if (autoscaling?.scaler !== "hpa" || autoscaling.signal === "gpu-utilisation") return [];
    const bad = models
      .flatMap((model) => [model.name, ...(model.otherNames ?? [])])
      .find((model) => !labelValue.test(model));
    return bad === undefined
      ? []
      : [
          {
            code: "SPEC_COMBINATION_UNSUPPORTED",
            message: `a HorizontalPodAutoscaler cannot ask for the rate of "${bad}" of group ${name}: it is no label value`,
            allowed: "scaler: keda, or names of at most 63 letters, digits, dots, underscores and dashes",
          },
        ];
  });
}
