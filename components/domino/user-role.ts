import * as pulumi from "@pulumi/pulumi";
import { ServiceAccount } from "@pulumi/kubernetes/core/v1/index.js";
import { childOptions } from "../child-options.ts";
import type { S3Access } from "../identity/s3-access.ts";
import { ServiceAccountRole } from "../identity/service-account-role.ts";
import { recommendedLabels } from "../labels.ts";
import { objectName } from "../names.ts";
import { dominoNamespaces } from "./domino-namespaces.ts";

export interface UserRoleArgs {
  /** Name of the platform, for the labels. */
  readonly platform: string;
  /** The platform's own namespace: begins the names of what lies in Domino's, so that stacks do not meet there. */
  readonly platformNamespace: string;
  /** Name of the role in the spec. */
  readonly role: string;
  /** Domino users that get the role. At least one. */
  readonly users: readonly string[];
  /** Name of the EKS cluster: begins the role's name in IAM. */
  readonly clusterName: string;
  /** AWS account of the cluster. */
  readonly accountId: string;
  /** The cluster's OIDC issuer, without `https://`. */
  readonly oidcIssuer: string;
  /** What the role may do. */
  readonly s3: S3Access;
}

/** The service account that runs of a Domino user get. */
export function userServiceAccount(platformNamespace: string, user: string): string {
  return objectName(`${platformNamespace}-${user}`);
}

/** An IAM role for runs of Domino users: a service account a user beside the runs, all of them annotated with the role. */
export class UserRole extends pulumi.ComponentResource {
  readonly roleArn: pulumi.Output<string>;

  constructor(name: string, args: UserRoleArgs, opts?: pulumi.ComponentResourceOptions) {
    super("domino-inference:domino:UserRole", name, {}, opts);
    const child = childOptions(this, opts);
    const accounts = args.users.map((user) => ({
      user,
      account: userServiceAccount(args.platformNamespace, user),
    }));

    const role = new ServiceAccountRole(
      `${name}-access`,
      {
        roleName: `${args.clusterName}-${args.platform}-${args.role}`,
        description: `Domino users of ${args.platform}: ${args.s3.access} on s3://${args.s3.bucket}/${args.s3.prefix}`,
        accountId: args.accountId,
        oidcIssuer: args.oidcIssuer,
        serviceAccounts: accounts.map(({ account }) => ({
          namespace: dominoNamespaces.compute,
          name: account,
        })),
        s3: args.s3,
      },
      child,
    );

    for (const { user, account } of accounts) {
      new ServiceAccount(
        `${name}-${user}`,
        {
          metadata: {
            name: account,
            namespace: dominoNamespaces.compute,
            labels: recommendedLabels({
              name: "domino-user",
              instance: args.platform,
              component: "identity",
            }),
            // The real role: with a made-up one AWS_ROLE_ARN would be wrong in every run that does not override it.
            annotations: {
              "eks.amazonaws.com/role-arn": role.roleArn,
              // Without it SDKs of old ask the one global endpoint, which a VPC endpoint does not serve.
              "eks.amazonaws.com/sts-regional-endpoints": "true",
            },
          },
        },
        child,
      );
    }

    this.roleArn = role.roleArn;
    this.registerOutputs({ roleArn: this.roleArn });
  }
}
