import type { ReplicaGroupPlan } from "../../plan/platform-plan.ts";
import { dynamoModelOptions } from "./model-options.ts";
import { graphModel } from "./worker-settings.ts";

/** Where a graph's frontends answer. */
export const frontendPort = 8_000;

/** Health and metrics of workers and planners. */
export const systemPort = 9_090;

/** The model's group: that of a pool without its role. */
export function graphGroupName({ name, role }: Pick<ReplicaGroupPlan, "name" | "role">): string {
  return role === undefined ? name : name.slice(0, -(role.length + 1));
}

/** Name of the graph that a group belongs to, which Dynamo's own namespace ends with. */
export function graphName(group: ReplicaGroupPlan): string {
  return dynamoModelOptions(graphModel(group)).dynamoNamespace ?? graphGroupName(group);
}

/** Service of a graph's frontends, which the operator makes. */
export function frontendServiceName(graph: string): string {
  return `${graph}-frontend`;
}

/**
 * Name and type of a component with workers. Workers that do both count as those that generate: planner and endpoint
 * picker look for that type, and find none of the general type.
 */
export function workerComponent({ role }: Pick<ReplicaGroupPlan, "role">): "prefill" | "decode" {
  return role ?? "decode";
}

/** The adapter that an autoscaler of a group writes the replicas of its workers to. */
export function scalingAdapterName(group: ReplicaGroupPlan): string {
  return `${graphName(group)}-${workerComponent(group)}`;
}

/** Role that the operator makes for a graph: pods with an account of their own must be bound to it. */
export function discoveryRoleName(graph: string): string {
  return `${graph}-k8s-service-discovery-role`;
}
