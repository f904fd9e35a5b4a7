import type { EnginePlan, ReplicaGroupPlan, ServerPlan } from "../../platform/plan/platform-plan.ts";
import { imageVersion, labelValue, type ObjectIdentity } from "../labels.ts";

/** Who the objects of a replica group are. */
export function engineIdentity(engine: EnginePlan, group: ReplicaGroupPlan): ObjectIdentity {
  return {
    name: engine.type,
    instance: group.name,
    component: "inference-engine",
    ...imageVersion(engine.image),
  };
}

/** Inferno's labels that describe what the pods are. */
export function infernoPodLabels(group: ReplicaGroupPlan): Record<string, string> {
  return {
    "inferno.server.managed": "true",
    "inferno.server.name": labelValue(group.name),
    "inferno.server.model": labelValue(group.models.map((model) => model.name).join(".")),
    "inferno.server.class": labelValue(group.serviceClasses.join(".")),
    "inferno.server.allocation.accelerator": labelValue(group.accelerator),
    "inferno.server.allocation.maxbatchsize": String(group.maxBatchSize),
  };
}

/** Servers of two pools, or of two kinds of replicas, name one of their groups only. */
function servedBy(group: ReplicaGroupPlan, server: ServerPlan): boolean {
  const model = group.models.find(({ name }) => name === server.model);
  return (
    server.engine === group.engine &&
    group.serviceClasses.includes(server.serviceClass) &&
    (model?.versions.some(({ version }) => version === server.version) ?? false)
  );
}

/**
 * Inferno's labels of a Deployment: those of the pods and the load that it was sized for. The load stays off the pods,
 * where a new forecast alone would restart every replica and load its models again.
 */
export function infernoDeploymentLabels(
  group: ReplicaGroupPlan,
  servers: readonly ServerPlan[],
): Record<string, string> {
  const own = servers.filter((server) => servedBy(group, server));
  const rate = own.reduce((sum, server) => sum + server.load.requestsPerMinute, 0);
  const tokens = own.reduce(
    (sum, server) => sum + server.load.requestsPerMinute * server.load.outputTokens,
    0,
  );
  return {
    ...infernoPodLabels(group),
    "inferno.server.load.rpm": labelValue(String(Number(group.requestsPerMinute.toFixed(3)))),
    // Mean over the requests of all servers of the group.
    "inferno.server.load.numtokens": String(rate === 0 ? 0 : Math.round(tokens / rate)),
  };
}
