import { permissionFaults } from "./iam/permission-faults.ts";
import { statementsOf } from "./iam/policy-document.ts";
import { rbacFaults } from "./iam/rbac-faults.ts";
import { trustFaults } from "./iam/trust-faults.ts";
import { listAt, textAt, textsAt, valueAt } from "./known-values.ts";
import type { PolicyResource, ResourcePolicy } from "./policy.ts";

/** A stolen credential is worth what it may do. */
export const leastPrivilege: ResourcePolicy = {
  name: "least-privilege",
  description: "IAM and Kubernetes roles name the actions, the resources and the subjects that they are for.",
  level: "mandatory",
  check: (resource) => [...iamFaults(resource), ...rbacFaults(resource)],
};

function iamFaults({ type, props }: PolicyResource): string[] {
  switch (type) {
    case "aws:iam/policy:Policy":
    case "aws:iam/rolePolicy:RolePolicy":
    case "aws:iam/userPolicy:UserPolicy":
    case "aws:iam/groupPolicy:GroupPolicy":
      return statementsOf(valueAt(props, "policy")).flatMap(permissionFaults);
    case "aws:iam/role:Role":
      return [
        ...statementsOf(valueAt(props, "assumeRolePolicy")).flatMap(trustFaults),
        ...listAt(props, "inlinePolicies").flatMap((inline) =>
          statementsOf(valueAt(inline, "policy")).flatMap(permissionFaults),
        ),
        ...managedPolicyFaults(textsAt(props, "managedPolicyArns")),
      ];
    case "aws:iam/rolePolicyAttachment:RolePolicyAttachment":
    case "aws:iam/policyAttachment:PolicyAttachment":
    case "aws:iam/userPolicyAttachment:UserPolicyAttachment":
    case "aws:iam/groupPolicyAttachment:GroupPolicyAttachment":
      return managedPolicyFaults([textAt(props, "policyArn")].filter((arn) => arn !== undefined));
    default:
      return [];
  }
}

/** AWS's own policies for administrators and whole services. */
function managedPolicyFaults(arns: readonly string[]): string[] {
  return arns
    .filter((arn) =>
      /:aws:policy\/(?:.*\/)?(?:AdministratorAccess.*|PowerUserAccess|IAMFullAccess|\w*FullAccess)$/.test(
        arn,
      ),
    )
    .map((arn) => `attaches ${arn}, which is far more than needed; write a policy of its own`);
}
