import * as pulumi from "@pulumi/pulumi";
import { CustomResource } from "@pulumi/kubernetes/apiextensions/index.js";
import { NetworkPolicy } from "@pulumi/kubernetes/networking/v1/index.js";
import { engineProfiles } from "../../../platform/engines/registry.ts";
import { leaderLabel, leaderWorkerSetSpec } from "../../../platform/engines/vllm/multi-node.ts";
import type { ReplicaGroupPlan } from "../../../platform/plan/platform-plan.ts";
import { childOptions, siblingOptions } from "../../child-options.ts";
import { recommendedLabels, selectorLabels } from "../../labels.ts";
import { boundedName } from "../../names.ts";
import type { EngineArgs } from "../engine-args.ts";
import { engineIdentity, infernoDeploymentLabels } from "../engine-labels.ts";
import { enginePriorityName } from "../engine-priorities.ts";
import { leftToOthers } from "../left-to-others.ts";
import { engineTimeouts } from "../engine-timeouts.ts";
import { operateGroup } from "../group-operations.ts";
import { GroupAccess } from "../group-access.ts";
import { GroupEndpoint } from "../group-endpoint.ts";
import { leaderWorkerPods } from "./leader-worker-pods.ts";
import { vllmPodAdditions } from "./pod-additions.ts";

export interface LeaderWorkerGroupArgs extends Omit<EngineArgs, "groups"> {
  /** The replica group that is deployed. */
  readonly group: ReplicaGroupPlan;
}

export const leaderWorkerSetApi = {
  apiVersion: "leaderworkerset.x-k8s.io/v1",
  kind: "LeaderWorkerSet",
} as const;

/**
 * A replica group whose replicas span several nodes: a LeaderWorkerSet, and a Service in front of the pods that have
 * the API.
 */
export class LeaderWorkerGroup extends pulumi.ComponentResource {
  constructor(name: string, args: LeaderWorkerGroupArgs, opts?: pulumi.ComponentResourceOptions) {
    super("domino-inference:engines:LeaderWorkerGroup", name, {}, opts);
    const { engine, group, models, proxy, monitoring } = args;
    const child = childOptions(this, opts);
    const beside = siblingOptions(opts);
    const profile = engineProfiles[engine.type];
    const identity = engineIdentity(engine, group);
    const labels = recommendedLabels(identity);
    const podLabels = selectorLabels(identity);
    const setName = leaderWorkerSetName(group);
    const common = { group, labels, podLabels };

    const access = new GroupAccess(name, { ...common, proxy, models }, beside);

    // The processes of a replica agree on ports as they go, in both directions.
    const peers = { podSelector: { matchLabels: podLabels } };
    const between = new NetworkPolicy(
      `${name}-between-nodes`,
      {
        metadata: { name: `${group.name}-between-nodes`, namespace: group.namespace, labels },
        spec: {
          podSelector: { matchLabels: podLabels },
          policyTypes: ["Ingress", "Egress"],
          ingress: [{ from: [peers] }],
          egress: [{ to: [peers] }],
        },
      },
      child,
    );

    const { create, update, delete: end } = engineTimeouts(profile, group);
    const { leader, worker } = leaderWorkerPods({
      platform: args.platform,
      engine,
      group,
      profile,
      priorityClassName: enginePriorityName(args.platformNamespace, group),
      models,
      additions: vllmPodAdditions(group),
    });
    const set = new CustomResource(
      `${name}-leader-worker-set`,
      {
        ...leaderWorkerSetApi,
        metadata: {
          name: setName,
          namespace: group.namespace,
          labels: { ...labels, ...infernoDeploymentLabels(group, args.servers) },
          annotations: { "pulumi.com/waitFor": "condition=Available" },
        },
        spec: leaderWorkerSetSpec({
          replicas: group.replicas,
          nodesPerReplica: group.nodesPerReplica,
          leader,
          worker,
        }),
      },
      {
        ...child,
        ...leftToOthers(group),
        dependsOn: [access, between],
        customTimeouts: { create, update, delete: end },
      },
    );

    new GroupEndpoint(
      name,
      { ...common, answeringLabels: { ...podLabels, ...leaderLabel } },
      { ...beside, dependsOn: [set] },
    );

    operateGroup(
      name,
      { ...common, monitoring, proxy, target: { ...leaderWorkerSetApi, name: setName } },
      // What changes a workload's size finds it there.
      { ...beside, dependsOn: [set] },
    );

    this.registerOutputs({});
  }
}

/**
 * Not the group's own name, which its Service has: LeaderWorkerSet makes a headless Service of the set's name. With the
 * numbers of replica and node after it, and a revision in a label, it stays within 63 characters.
 */
function leaderWorkerSetName(group: ReplicaGroupPlan): string {
  return `${boundedName(group.name, 40)}-nodes`;
}
