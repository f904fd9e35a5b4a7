import * as pulumi from "@pulumi/pulumi";
import { ServiceAccount } from "@pulumi/kubernetes/core/v1/index.js";
import { RoleBinding } from "@pulumi/kubernetes/rbac/v1/index.js";
import { discoveryRoleName } from "../../../platform/engines/dynamo/graph-name.ts";
import type { ReplicaGroupPlan } from "../../../platform/plan/platform-plan.ts";
import { childOptions } from "../../child-options.ts";
import { engineServiceAccount } from "../engine-args.ts";
import { modelsRoleArn, roleAnnotations, type ModelSource } from "../model-source.ts";

export interface GraphAccessArgs {
  readonly graph: string;
  readonly namespace: string;
  /** Labels of the objects. */
  readonly labels: Readonly<Record<string, string>>;
  readonly groups: readonly ReplicaGroupPlan[];
  /** Account of the frontends. */
  readonly frontendAccount: string;
  /** Where the workers' models come from. */
  readonly models: ModelSource;
}

/**
 * Who the pods of a graph are: to AWS, from which workers read their models, and to the API server, where they look for
 * each other. The operator's own account would be the same for all, and could have no role of AWS.
 */
export class GraphAccess extends pulumi.ComponentResource {
  constructor(name: string, args: GraphAccessArgs, opts?: pulumi.ComponentResourceOptions) {
    super("domino-inference:engines:GraphAccess", name, {}, opts);
    const { graph, namespace, groups, models } = args;
    const child = childOptions(this, opts);
    const labels = { ...args.labels };

    for (const group of groups) {
      const roleArn = modelsRoleArn(models, group);
      new ServiceAccount(
        `${name}-${group.role ?? "workers"}`,
        {
          metadata: {
            name: engineServiceAccount(group),
            namespace,
            labels,
            ...(roleArn === undefined ? {} : { annotations: roleAnnotations(roleArn) }),
          },
        },
        child,
      );
    }
    new ServiceAccount(
      `${name}-frontend`,
      { metadata: { name: args.frontendAccount, namespace, labels } },
      child,
    );

    // Takes effect once the operator has made the Role, of which it is the only owner.
    new RoleBinding(
      `${name}-discovery`,
      {
        metadata: { name: `${graph}-discovery`, namespace, labels },
        roleRef: {
          apiGroup: "rbac.authorization.k8s.io",
          kind: "Role",
          name: discoveryRoleName(graph),
        },
        subjects: [...groups.map(engineServiceAccount), args.frontendAccount].map((account) => ({
          kind: "ServiceAccount",
          name: account,
          namespace,
        })),
      },
      child,
    );

    this.registerOutputs({});
  }
}
