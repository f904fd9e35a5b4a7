import * as pulumi from "@pulumi/pulumi";
import { Service } from "@pulumi/kubernetes/core/v1/index.js";
import { PodDisruptionBudget } from "@pulumi/kubernetes/policy/v1/index.js";
import type { core } from "@pulumi/kubernetes/types/input.js";
import type { EngineProfile } from "../../platform/engines/engine-profile.ts";
import { engineProfiles } from "../../platform/engines/registry.ts";
import type { ReplicaGroupPlan } from "../../platform/plan/platform-plan.ts";
import { childOptions } from "../child-options.ts";
import { engineTimeouts } from "./engine-timeouts.ts";

export interface GroupEndpointArgs {
  readonly group: ReplicaGroupPlan;
  /** Labels of the objects. */
  readonly labels: Readonly<Record<string, string>>;
  /** Labels of all pods of the group. */
  readonly podLabels: Readonly<Record<string, string>>;
  /** Labels of the pods that answer requests. */
  readonly answeringLabels: Readonly<Record<string, string>>;
}

/** The address of a group, as routes name it, and the bound on how many of its pods may be taken away at a time. */
export class GroupEndpoint extends pulumi.ComponentResource {
  constructor(name: string, args: GroupEndpointArgs, opts?: pulumi.ComponentResourceOptions) {
    super("domino-inference:engines:GroupEndpoint", name, {}, opts);
    const { group } = args;
    const child = childOptions(this, opts);
    const profile = engineProfiles[group.engineType];
    const metadata = { name: group.name, namespace: group.namespace, labels: { ...args.labels } };
    const { create, update } = engineTimeouts(profile, group);

    new Service(
      `${name}-service`,
      {
        metadata: {
          ...metadata,
          // With no replica there are no endpoints, which Pulumi would wait for.
          ...(group.autoscaling?.minReplicas === 0
            ? { annotations: { "pulumi.com/skipAwait": "true" } }
            : {}),
        },
        spec: {
          type: "ClusterIP",
          selector: { ...args.answeringLabels },
          // By number: an engine's chart has names of its own for it.
          ports: servicePorts(profile),
        },
      },
      // Pulumi waits for an endpoint, which is there when the first replica has loaded its model.
      { ...child, customTimeouts: { create, update } },
    );

    new PodDisruptionBudget(
      `${name}-budget`,
      {
        metadata,
        // Of one replica too: a budget that forbids every eviction would keep nodes from being upgraded.
        spec: {
          maxUnavailable: 1,
          // A replica that is not ready serves nobody; keeping it would hold up its node for a whole model load.
          unhealthyPodEvictionPolicy: "AlwaysAllow",
          selector: { matchLabels: { ...args.podLabels } },
        },
      },
      child,
    );

    this.registerOutputs({});
  }
}

/** Each port once: some engines serve metrics on the port of their API. */
function servicePorts({ ports: { http, grpc, metrics } }: EngineProfile): core.v1.ServicePort[] {
  return [
    { name: "http", port: http, targetPort: http },
    ...(grpc === undefined ? [] : [{ name: "grpc", port: grpc, targetPort: grpc }]),
    ...(metrics === http ? [] : [{ name: "metrics", port: metrics, targetPort: metrics }]),
  ];
}
