import * as pulumi from "@pulumi/pulumi";
import { CustomResource } from "@pulumi/kubernetes/apiextensions/index.js";
import { childOptions } from "../child-options.ts";
import { recommendedLabels } from "../labels.ts";
import { dominoNamespaces } from "./domino-namespaces.ts";
import { userServiceAccount } from "./user-role.ts";

export interface UserRoleMutationArgs {
  /** Name of the platform, for the labels. */
  readonly platform: string;
  /** The platform's own namespace: begins the object's name, so that several stacks can share a cluster. */
  readonly platformNamespace: string;
  /** Domino users whose runs get a service account of their own. At least one. */
  readonly users: readonly string[];
  /**
   * Labels of the runs it applies to.
   * @default ["dominodatalab.com/workload-engine=cg2"], the runs of Domino's own scheduler
   */
  readonly labelSelectors?: readonly string[];
}

/** Tells Domino's webhook to start the runs of each user under the service account of that user, and of nobody else. */
export class UserRoleMutation extends pulumi.ComponentResource {
  constructor(name: string, args: UserRoleMutationArgs, opts?: pulumi.ComponentResourceOptions) {
    super("domino-inference:domino:UserRoleMutation", name, {}, opts);

    new CustomResource(
      `${name}-mutation`,
      {
        apiVersion: "apps.dominodatalab.com/v1alpha1",
        kind: "Mutation",
        metadata: {
          name: `${args.platformNamespace}-user-roles`,
          namespace: dominoNamespaces.platform,
          labels: recommendedLabels({
            name: "user-role-mutation",
            instance: args.platform,
            component: "identity",
          }),
        },
        // The resource has no spec: its rules are at the top.
        rules: [
          {
            enabled: true,
            labelSelectors: [...(args.labelSelectors ?? ["dominodatalab.com/workload-engine=cg2"])],
            // Image builds run code of the environment's author, not of the user.
            matchBuilds: false,
            cloudWorkloadIdentity: {
              cloud_type: "aws",
              // Required by the resource; empty means that users without a mapping keep Domino's own account.
              default_sa: "",
              assume_sa_mapping: false,
              user_mappings: Object.fromEntries(
                args.users.toSorted().map((user) => [user, userServiceAccount(args.platformNamespace, user)]),
              ),
            },
          },
        ],
      },
      childOptions(this, opts),
    );

    this.registerOutputs({});
  }
}
