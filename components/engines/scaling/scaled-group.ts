import type { ReplicaGroupPlan } from "../../../platform/plan/platform-plan.ts";
import type { AutoscalingPlan } from "../../../platform/scaling/autoscaling-plan.ts";
import type { MeasuredGroup } from "../../../platform/scaling/signal-queries.ts";

/** A replica group, as far as its autoscaling follows from it. */
export type ScaledGroup = MeasuredGroup &
  Pick<ReplicaGroupPlan, "replicas" | "startupSeconds" | "maxRequestsPerMinutePerReplica">;

/** What an autoscaler changes the size of: anything with a scale subresource. */
export interface ScaleTarget {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
}

/** Who scales a group by what. */
export interface GroupScaling {
  readonly group: ScaledGroup;
  readonly autoscaling: AutoscalingPlan;
  readonly target: ScaleTarget;
}

/** A number as autoscalers take it: their resolution is a thousandth, and a target of nothing is none. */
export function targetText(target: number): string {
  return String(Math.max(0.001, Number(target.toFixed(3))));
}
