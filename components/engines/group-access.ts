import * as pulumi from "@pulumi/pulumi";
import { ServiceAccount } from "@pulumi/kubernetes/core/v1/index.js";
import { engineProfiles } from "../../platform/engines/registry.ts";
import type { ReplicaGroupPlan } from "../../platform/plan/platform-plan.ts";
import { childOptions } from "../child-options.ts";
import { engineServiceAccount, type PodPeer } from "./engine-args.ts";
import { EngineNetwork } from "./engine-network.ts";
import { modelsRoleArn, roleAnnotations, type ModelSource } from "./model-source.ts";

export interface GroupAccessArgs {
  readonly group: ReplicaGroupPlan;
  /** Labels of the objects. */
  readonly labels: Readonly<Record<string, string>>;
  /** Labels of the pods. */
  readonly podLabels: Readonly<Record<string, string>>;
  /** The pods that may send requests. */
  readonly proxy: PodPeer;
  readonly models: ModelSource;
}

/** Who the pods of a group are to AWS, and whom they may speak with: there before the first of them. */
export class GroupAccess extends pulumi.ComponentResource {
  constructor(name: string, args: GroupAccessArgs, opts?: pulumi.ComponentResourceOptions) {
    super("domino-inference:engines:GroupAccess", name, {}, opts);
    const { group, labels, podLabels, models } = args;
    const child = childOptions(this, opts);
    const { ports } = engineProfiles[group.engineType];
    const roleArn = modelsRoleArn(models, group);

    new ServiceAccount(
      `${name}-account`,
      {
        metadata: {
          name: engineServiceAccount(group),
          namespace: group.namespace,
          labels: { ...labels },
          ...(roleArn === undefined ? {} : { annotations: roleAnnotations(roleArn) }),
        },
        // Engines do not speak with the API server; the token for AWS is a volume of its own.
        automountServiceAccountToken: false,
      },
      child,
    );

    new EngineNetwork(
      `${name}-network`,
      {
        group: group.name,
        namespace: group.namespace,
        labels,
        podLabels,
        apiPorts: [ports.http, ...(ports.grpc === undefined ? [] : [ports.grpc])],
        metricsPort: ports.metrics,
        proxy: args.proxy,
        models,
      },
      child,
    );

    this.registerOutputs({});
  }
}
