import { certain } from "../certain.ts";
import type { WorkloadPrediction } from "../allocation.ts";
import type { Slo, Workload } from "../workload.ts";

/** Name of one latency target, as rejections and plans carry it. */
export type SloTargetName = "ttftMean" | "ttftP95" | "itlMean" | "itlP95" | "latencyMean" | "latencyP95";

/** One limit on one predicted time of one workload. */
export interface SloTarget {
  /** Position of the workload in its group's mix. */
  readonly member: number;
  readonly workload: string;
  readonly name: SloTargetName;
  readonly allowedMs: number;
}

const fields: readonly (readonly [SloTargetName, keyof Slo])[] = [
  ["ttftMean", "ttftMeanMs"],
  ["ttftP95", "ttftP95Ms"],
  ["itlMean", "itlMeanMs"],
  ["itlP95", "itlP95Ms"],
  ["latencyMean", "latencyMeanMs"],
  ["latencyP95", "latencyP95Ms"],
];

/** All targets of the workloads, in their order. */
export function sloTargetsOf(workloads: readonly Pick<Workload, "id" | "slo">[]): readonly SloTarget[] {
  return workloads.flatMap((workload, member) =>
    fields.flatMap(([name, field]) => {
      const allowedMs = workload.slo[field];
      return allowedMs === undefined ? [] : [{ member, workload: workload.id, name, allowedMs }];
    }),
  );
}

/** The predicted time that the target limits, in ms. */
export function reachedMs(target: SloTarget, predictions: readonly WorkloadPrediction[]): number {
  const prediction = certain(predictions[target.member]);
  switch (target.name) {
    case "ttftMean":
      return prediction.ttft.meanMs;
    case "ttftP95":
      return prediction.ttft.p95Ms;
    case "itlMean":
      return prediction.itl.meanMs;
    case "itlP95":
      return prediction.itl.p95Ms;
    case "latencyMean":
      return prediction.latency.meanMs;
    case "latencyP95":
      return prediction.latency.p95Ms;
  }
}

export function brokenTargets(
  targets: readonly SloTarget[],
  predictions: readonly WorkloadPrediction[],
): readonly SloTarget[] {
  return targets.filter((target) => reachedMs(target, predictions) > target.allowedMs);
}
