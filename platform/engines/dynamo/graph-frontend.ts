import type { ReplicaGroupPlan } from "../../plan/platform-plan.ts";
import type { EngineFrontend } from "../engine-profile.ts";
import { frontendPort, frontendServiceName, graphGroupName, graphName } from "./graph-name.ts";
import { dynamoModelOptions } from "./model-options.ts";
import { graphModel } from "./worker-settings.ts";

/** What the proxy sends a model's requests to. */
export function graphFrontend(group: ReplicaGroupPlan): EngineFrontend {
  const graph = graphName(group);
  const { create } = dynamoModelOptions(graphModel(group)).deployment;
  return {
    // The operator makes it.
    service: frontendServiceName(graph),
    port: frontendPort,
    // The pods of a graph that others made have only the operator's labels.
    podLabels: create ? frontendLabels(group) : operatorLabels(graph),
  };
}

/** By which the frontends of a created graph are told from all other pods. */
export function frontendLabels(group: ReplicaGroupPlan): Readonly<Record<string, string>> {
  return {
    "app.kubernetes.io/name": "dynamo",
    // Of a model with one pool the group's name: what frontends measure counts as the group's.
    "app.kubernetes.io/instance": graphGroupName(group),
    "app.kubernetes.io/component": "inference-frontend",
  };
}

function operatorLabels(graph: string): Readonly<Record<string, string>> {
  return {
    "nvidia.com/dynamo-graph-deployment-name": graph,
    "nvidia.com/dynamo-component-type": "frontend",
  };
}
