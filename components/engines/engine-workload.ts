import * as pulumi from "@pulumi/pulumi";
import { Deployment } from "@pulumi/kubernetes/apps/v1/index.js";
import { terminationGraceSeconds } from "../../platform/engines/engine-profile.ts";
import { engineProfiles } from "../../platform/engines/registry.ts";
import type { ReplicaGroupPlan } from "../../platform/plan/platform-plan.ts";
import { childOptions, siblingOptions } from "../child-options.ts";
import { recommendedLabels, selectorLabels } from "../labels.ts";
import type { EngineArgs } from "./engine-args.ts";
import { engineIdentity, infernoDeploymentLabels } from "./engine-labels.ts";
import { enginePriorityName } from "./engine-priorities.ts";
import { enginePod, type PodAdditions } from "./engine-pod.ts";
import { GroupAccess } from "./group-access.ts";
import { GroupEndpoint } from "./group-endpoint.ts";
import { operateGroup } from "./group-operations.ts";
import { leftToOthers } from "./left-to-others.ts";
import { engineTimeouts } from "./engine-timeouts.ts";

export interface EngineWorkloadArgs extends Omit<EngineArgs, "groups"> {
  /** The replica group that is deployed. */
  readonly group: ReplicaGroupPlan;
  /** What the engine needs in its pods beyond its profile. */
  readonly additions?: PodAdditions;
}

/** What is the same for every engine: one replica group as Deployment, Service, disruption budget and policies. */
export class EngineWorkload extends pulumi.ComponentResource {
  constructor(name: string, args: EngineWorkloadArgs, opts?: pulumi.ComponentResourceOptions) {
    super("domino-inference:engines:EngineWorkload", name, {}, opts);
    const { engine, group, models } = args;
    const child = childOptions(this, opts);
    const profile = engineProfiles[engine.type];
    const identity = engineIdentity(engine, group);
    const labels = recommendedLabels(identity);
    const podLabels = selectorLabels(identity);
    const metadata = { name: group.name, namespace: group.namespace };
    const beside = siblingOptions(opts);

    const access = new GroupAccess(name, { group, labels, podLabels, proxy: args.proxy, models }, beside);

    const { replicaSeconds, ...customTimeouts } = engineTimeouts(profile, group);

    const deployment = new Deployment(
      `${name}-deployment`,
      {
        metadata: { ...metadata, labels: { ...labels, ...infernoDeploymentLabels(group, args.servers) } },
        spec: {
          replicas: group.replicas,
          selector: { matchLabels: podLabels },
          // The plan buys no spare GPU for a rollout: a replica must go before its successor finds a place.
          strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
          progressDeadlineSeconds: replicaSeconds + terminationGraceSeconds(profile),
          revisionHistoryLimit: 3,
          template: enginePod({
            platform: args.platform,
            engine,
            group,
            profile,
            priorityClassName: enginePriorityName(args.platformNamespace, group),
            models,
            ...(args.additions ? { additions: args.additions } : {}),
          }),
        },
      },
      { ...child, ...leftToOthers(group), dependsOn: [access], customTimeouts },
    );

    // Pulumi waits for an endpoint: before its replicas it would wait just as long, and for nothing where they fail.
    new GroupEndpoint(
      name,
      { group, labels, podLabels, answeringLabels: podLabels },
      { ...beside, dependsOn: [deployment] },
    );

    operateGroup(
      name,
      {
        group,
        labels,
        podLabels,
        monitoring: args.monitoring,
        proxy: args.proxy,
        target: { apiVersion: "apps/v1", kind: "Deployment", name: group.name },
      },
      // What changes a workload's size finds it there.
      { ...beside, dependsOn: [deployment] },
    );

    this.registerOutputs({ deploymentName: deployment.metadata.name });
  }
}
