import { numberOf } from "../manifest.ts";
import { podProblems } from "./pod-problems.ts";
import { conditionOf, describe, isStale, labelSelectorOf, type ReadinessRule } from "./readiness.ts";

/** Rolled out: every replica is of the newest template and available, and no older one is left to serve. */
export const deploymentReadiness: ReadinessRule = async (deployment, cluster) => {
  if (isStale(deployment)) return ["the controller has not seen the change yet"];
  const wanted = numberOf(deployment, "spec", "replicas") ?? 1;
  const updated = numberOf(deployment, "status", "updatedReplicas") ?? 0;
  const available = numberOf(deployment, "status", "availableReplicas") ?? 0;
  const progressing = conditionOf(deployment, "Progressing");
  const rolledOut = progressing?.status === "True" && progressing.reason === "NewReplicaSetAvailable";
  const isAvailable = conditionOf(deployment, "Available")?.status === "True";
  if (rolledOut && isAvailable && updated >= wanted) return [];
  const stuck = progressing?.status === "False" ? [describe(progressing)] : [];
  const selector = labelSelectorOf(deployment, "spec", "selector", "matchLabels");
  return [
    `${updated} of ${wanted} replicas are updated, ${available} available`,
    ...stuck,
    ...(await podProblems(cluster, deployment.metadata.namespace, selector)),
  ];
};
