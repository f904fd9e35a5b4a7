import { frontendLabels } from "../../../platform/engines/dynamo/graph-frontend.ts";
import { graphName } from "../../../platform/engines/dynamo/graph-name.ts";
import { dynamoModelOptions } from "../../../platform/engines/dynamo/model-options.ts";
import { graphModel, workerImage } from "../../../platform/engines/dynamo/worker-settings.ts";
import type { EnginePlan, ReplicaGroupPlan } from "../../../platform/plan/platform-plan.ts";
import { imageVersion, labelValue, recommendedLabels, type ObjectIdentity } from "../../labels.ts";
import { engineIdentity } from "../engine-labels.ts";

/** Pod label with the graph: its pods speak with each other on ports that they agree on as they go. */
export const graphLabel = "domino-inference/graph";

/** By which all pods of a graph are told from others. */
export function graphPodLabels(group: ReplicaGroupPlan): Record<string, string> {
  const graph = graphName(group);
  return dynamoModelOptions(graphModel(group)).deployment.create
    ? { [graphLabel]: labelValue(graph) }
    : // What others made has the operator's labels alone.
      { "nvidia.com/dynamo-graph-deployment-name": graph };
}

/** Who the objects of a graph are that are neither its workers nor its frontends. */
export function graphIdentity(group: ReplicaGroupPlan, image: string): ObjectIdentity {
  return {
    name: "dynamo",
    instance: graphName(group),
    component: "inference-graph",
    ...imageVersion(image),
  };
}

/** Labels of the workers of a group. */
export function workerPodLabels(engine: EnginePlan, group: ReplicaGroupPlan): Record<string, string> {
  return { ...recommendedLabels(workerIdentity(engine, group)), ...graphPodLabels(group) };
}

/** The plan's, in the version of the image that the group's backend and release come to. */
export function workerIdentity(engine: EnginePlan, group: ReplicaGroupPlan): ObjectIdentity {
  return { ...engineIdentity(engine, group), ...imageVersion(workerImage(engine, group)) };
}

/** Labels of the frontends of a graph. */
export function frontendPodLabels(group: ReplicaGroupPlan, image: string): Record<string, string> {
  return { ...recommendedLabels(frontendIdentity(group, image)), ...graphPodLabels(group) };
}

/** Labels of the planner of a graph. */
export function plannerPodLabels(group: ReplicaGroupPlan, image: string): Record<string, string> {
  return { ...recommendedLabels(plannerIdentity(group, image)), ...graphPodLabels(group) };
}

/** The frontends, as the proxy's own policy selects them. */
export function frontendIdentity(group: ReplicaGroupPlan, image: string): ObjectIdentity {
  const labels = frontendLabels(group);
  return {
    name: labels["app.kubernetes.io/name"] ?? "",
    instance: labels["app.kubernetes.io/instance"] ?? "",
    component: labels["app.kubernetes.io/component"] ?? "",
    ...imageVersion(image),
  };
}

export function plannerIdentity(group: ReplicaGroupPlan, image: string): ObjectIdentity {
  return { ...frontendIdentity(group, image), component: "inference-planner" };
}

/** By which the workers of all engines are told from other pods of a namespace. */
export const engineComponentLabel = { "app.kubernetes.io/component": "inference-engine" } as const;
