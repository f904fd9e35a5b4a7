import type { autoscaling } from "@pulumi/kubernetes/types/input.js";
import { cooldownSecondsOf, type AutoscalingPlan } from "../../../platform/scaling/autoscaling-plan.ts";

/** What Kubernetes takes as the period of a policy. */
const longestPeriodSeconds = 1800;
const shortestPeriodSeconds = 15;

/** Time between two steps down: enough to see what the last one did. */
const stepDownSeconds = 300;

/** A fifth of the replicas a step, so that a large group shrinks in the same time as a small one. */
const stepDownPercent = 20;

/**
 * How fast an autoscaler may go. A replica is of use only after its weights are loaded, minutes after it was asked for:
 * until then the signal stays as it was, and without a bound every look at it would add replicas for the same requests.
 */
export function scalingBehavior(
  plan: Pick<AutoscalingPlan, "cooldownSeconds">,
  startupSeconds: number,
): autoscaling.v2.HorizontalPodAutoscalerBehavior {
  const periodSeconds = Math.min(
    longestPeriodSeconds,
    Math.max(shortestPeriodSeconds, Math.ceil(startupSeconds)),
  );
  return {
    scaleUp: {
      stabilizationWindowSeconds: 0,
      selectPolicy: "Max",
      policies: [
        { type: "Percent", value: 100, periodSeconds },
        { type: "Pods", value: 1, periodSeconds },
      ],
    },
    scaleDown: {
      stabilizationWindowSeconds: cooldownSecondsOf(plan, startupSeconds),
      selectPolicy: "Max",
      policies: [
        { type: "Percent", value: stepDownPercent, periodSeconds: stepDownSeconds },
        { type: "Pods", value: 1, periodSeconds: stepDownSeconds },
      ],
    },
  };
}
