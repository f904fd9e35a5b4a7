import * as pulumi from "@pulumi/pulumi";
import { Role, RolePolicy } from "@pulumi/aws/iam/index.js";
import { childOptions } from "../child-options.ts";
import { boundedName } from "../names.ts";
import { partitionOf } from "./partition.ts";
import {
  s3AccessPolicy,
  serviceAccountTrust,
  type S3Access,
  type ServiceAccountSubject,
} from "./s3-access.ts";

export interface ServiceAccountRoleArgs {
  /** Name of the role in IAM; longer than 64 characters it is cut and made unique by a hash. */
  readonly roleName: string;
  /** What the role is for, shown in the AWS console. */
  readonly description: string;
  /** AWS account of the cluster. */
  readonly accountId: string;
  /** The cluster's OIDC issuer, without `https://`. */
  readonly oidcIssuer: string;
  /** Exactly these service accounts may take the role. At least one. */
  readonly serviceAccounts: readonly ServiceAccountSubject[];
  /** What the role may do. */
  readonly s3: S3Access;
}

/** Quotas of IAM that cannot be seen before a call fails. */
const roleNameMaxLength = 64;
const trustPolicyMaxLength = 2048;

/** An IAM role that pods take by their service account (IRSA), for one prefix of one bucket. */
export class ServiceAccountRole extends pulumi.ComponentResource {
  readonly roleArn: pulumi.Output<string>;

  constructor(name: string, args: ServiceAccountRoleArgs, opts?: pulumi.ComponentResourceOptions) {
    super("domino-inference:identity:ServiceAccountRole", name, {}, opts);
    if (args.serviceAccounts.length === 0) {
      throw new pulumi.InputPropertyError({
        propertyPath: "serviceAccounts",
        reason: `role "${args.roleName}" names no service account; a role that nobody can take is a mistake`,
      });
    }
    const partition = partitionOf(args.s3.kmsKeyArn);
    const provider = `arn:${partition}:iam::${args.accountId}:oidc-provider/${args.oidcIssuer}`;
    const trust = JSON.stringify(serviceAccountTrust(provider, args.oidcIssuer, args.serviceAccounts));
    if (trust.length > trustPolicyMaxLength) {
      throw new pulumi.InputPropertyError({
        propertyPath: "serviceAccounts",
        reason:
          `the trust policy of role "${args.roleName}" has ${trust.length} characters for ` +
          `${args.serviceAccounts.length} service accounts; IAM takes ${trustPolicyMaxLength}. Split it into several roles.`,
      });
    }
    const child = childOptions(this, opts);

    const role = new Role(
      `${name}-role`,
      {
        name: boundedName(args.roleName, roleNameMaxLength),
        description: args.description,
        assumeRolePolicy: trust,
        maxSessionDuration: 3600,
      },
      child,
    );
    new RolePolicy(
      `${name}-policy`,
      { name: "s3-prefix", role: role.name, policy: JSON.stringify(s3AccessPolicy(args.s3)) },
      child,
    );

    this.roleArn = role.arn;
    this.registerOutputs({ roleArn: this.roleArn });
  }
}
