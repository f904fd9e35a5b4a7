import * as pulumi from "@pulumi/pulumi";
import { Deployment } from "@pulumi/kubernetes/apps/v1/index.js";
import { Service, ServiceAccount } from "@pulumi/kubernetes/core/v1/index.js";
import { PodDisruptionBudget } from "@pulumi/kubernetes/policy/v1/index.js";
import { terminationGraceSeconds } from "../../platform/engines/engine-profile.ts";
import { engineProfiles } from "../../platform/engines/registry.ts";
import type { ReplicaGroupPlan } from "../../platform/plan/platform-plan.ts";
import { childOptions } from "../child-options.ts";
import { recommendedLabels, selectorLabels } from "../labels.ts";
import { engineServiceAccount, type EngineArgs } from "./engine-args.ts";
import { engineIdentity, infernoDeploymentLabels } from "./engine-labels.ts";
import { EngineNetwork } from "./engine-network.ts";
import { enginePriorityName } from "./engine-priorities.ts";
import { enginePod, type PodAdditions } from "./engine-pod.ts";
import { operateGroup } from "./group-operations.ts";
import { leftToOthers } from "./left-to-others.ts";
import { engineTimeouts } from "./engine-timeouts.ts";
import { modelsRoleArn, roleAnnotations } from "./model-source.ts";

export interface EngineWorkloadArgs extends Omit<EngineArgs, "groups"> {
  /** The replica group that is deployed. */
  readonly group: ReplicaGroupPlan;
  /** What the engine needs in its pods beyond its profile. */
  readonly additions?: PodAdditions;
}

/** What is the same for every engine: one replica group as Deployment, Service, disruption budget and policies. */
export class EngineWorkload extends pulumi.ComponentResource {
  readonly serviceName: pulumi.Output<string>;

  constructor(name: string, args: EngineWorkloadArgs, opts?: pulumi.ComponentResourceOptions) {
    super("domino-inference:engines:EngineWorkload", name, {}, opts);
    const { engine, group, models } = args;
    const child = childOptions(this, opts);
    const profile = engineProfiles[engine.type];
    const identity = engineIdentity(engine, group);
    const labels = recommendedLabels(identity);
    const podLabels = selectorLabels(identity);
    const metadata = { name: group.name, namespace: group.namespace };
    const roleArn = modelsRoleArn(models, group);

    const account = new ServiceAccount(
      `${name}-account`,
      {
        metadata: {
          name: engineServiceAccount(group),
          namespace: group.namespace,
          labels,
          ...(roleArn === undefined ? {} : { annotations: roleAnnotations(roleArn) }),
        },
        // Engines do not speak with the API server; the token for AWS is a volume of its own.
        automountServiceAccountToken: false,
      },
      child,
    );

    const network = new EngineNetwork(
      `${name}-network`,
      {
        group: group.name,
        namespace: group.namespace,
        labels,
        podLabels,
        apiPorts: [profile.ports.http, ...(profile.ports.grpc === undefined ? [] : [profile.ports.grpc])],
        metricsPort: profile.ports.metrics,
        proxy: args.proxy,
        models,
      },
      child,
    );

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
      { ...child, ...leftToOthers(group), dependsOn: [account, network], customTimeouts },
    );

    const service = new Service(
      `${name}-service`,
      {
        metadata: {
          ...metadata,
          labels,
          // With no replica there are no endpoints, which Pulumi would wait for.
          ...(group.autoscaling?.minReplicas === 0
            ? { annotations: { "pulumi.com/skipAwait": "true" } }
            : {}),
        },
        spec: {
          type: "ClusterIP",
          selector: podLabels,
          ports: [
            { name: "http", port: profile.ports.http, targetPort: "http" },
            ...(profile.ports.grpc === undefined
              ? []
              : [{ name: "grpc", port: profile.ports.grpc, targetPort: "grpc" }]),
            ...(profile.ports.metrics === profile.ports.http
              ? []
              : [{ name: "metrics", port: profile.ports.metrics, targetPort: "metrics" }]),
          ],
        },
      },
      // Pulumi waits for an endpoint: before its replicas it would wait just as long, and for nothing where they fail.
      { ...child, dependsOn: [deployment] },
    );

    new PodDisruptionBudget(
      `${name}-budget`,
      {
        metadata: { ...metadata, labels },
        // Of one replica too: a budget that forbids every eviction would keep nodes from being upgraded.
        spec: {
          maxUnavailable: 1,
          // A replica that is not ready serves nobody; keeping it would hold up its node for a whole model load.
          unhealthyPodEvictionPolicy: "AlwaysAllow",
          selector: { matchLabels: podLabels },
        },
      },
      child,
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
      { ...child, dependsOn: [deployment] },
    );

    this.serviceName = service.metadata.name;
    this.registerOutputs({ serviceName: this.serviceName, deploymentName: deployment.metadata.name });
  }
}
