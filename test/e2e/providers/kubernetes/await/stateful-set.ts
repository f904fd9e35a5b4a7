import { numberOf, textOf } from "../manifest.ts";
import { podProblems } from "./pod-problems.ts";
import { isStale, labelSelectorOf, type ReadinessRule } from "./readiness.ts";

export const statefulSetReadiness: ReadinessRule = async (set, cluster) => {
  if (isStale(set)) return ["the controller has not seen the change yet"];
  const wanted = numberOf(set, "spec", "replicas") ?? 1;
  const ready = numberOf(set, "status", "readyReplicas") ?? 0;
  const updated = numberOf(set, "status", "updatedReplicas") ?? 0;
  const isOneRevision = textOf(set, "status", "currentRevision") === textOf(set, "status", "updateRevision");
  if (ready >= wanted && updated >= wanted && isOneRevision) return [];
  const selector = labelSelectorOf(set, "spec", "selector", "matchLabels");
  return [
    `${updated} of ${wanted} replicas are updated, ${ready} ready`,
    ...(await podProblems(cluster, set.metadata.namespace, selector)),
  ];
};
