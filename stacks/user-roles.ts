import type * as pulumi from "@pulumi/pulumi";
import { UserRole } from "../components/domino/user-role.ts";
import { UserRoleMutation } from "../components/domino/user-role-mutation.ts";
import type { PlatformPlan } from "../platform/plan/platform-plan.ts";
import type { ExistingClusterSpec, PlatformSpec } from "../platform/spec/schema.ts";
import type { StackProviders } from "./providers.ts";

export interface UserRolesInputs {
  readonly plan: PlatformPlan;
  readonly platformNamespace: string;
  readonly domino: PlatformSpec["domino"];
  readonly cluster: ExistingClusterSpec;
  readonly providers: StackProviders;
}

/**
 * The IAM roles of Domino users and the mapping of their runs to them.
 *
 * @returns the roles' ARNs by `user/<role>`
 */
export function deployUserRoles(inputs: UserRolesInputs): Record<string, pulumi.Input<string>> {
  const { plan, platformNamespace, domino, cluster, providers } = inputs;
  const users = domino?.users ?? [];
  const arns: Record<string, pulumi.Input<string>> = {};
  for (const role of domino?.roles ?? []) {
    const own = users.filter((user) => user.role === role.name).map(({ user }) => user);
    const { bucket, prefix, access } = role;
    const component = new UserRole(
      role.name,
      {
        platform: plan.platform,
        platformNamespace,
        role: role.name,
        users: own,
        clusterName: cluster.name,
        accountId: cluster.accountId,
        oidcIssuer: cluster.oidcIssuer,
        s3: { bucket, prefix, access, kmsKeyArn: cluster.kmsKeyArn, region: cluster.region },
      },
      { providers: { ...providers } },
    );
    arns[`user/${role.name}`] = component.roleArn;
  }
  if (users.length > 0) {
    const labelSelectors = domino?.mutation?.labelSelectors;
    new UserRoleMutation(
      "user-roles",
      {
        platform: plan.platform,
        platformNamespace,
        users: users.map(({ user }) => user),
        ...(labelSelectors === undefined ? {} : { labelSelectors }),
      },
      { providers: { ...providers } },
    );
  }
  return arns;
}
