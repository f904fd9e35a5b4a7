import { kubernetesKind } from "../kubernetes-kind.ts";
import { listAt, textAt, textsAt } from "../known-values.ts";
import type { PolicyResource } from "../policy.ts";

const everybody = new Set([
  "system:anonymous",
  "system:unauthenticated",
  "system:authenticated",
  "system:serviceaccounts",
]);

/** What is wrong with what Kubernetes subjects may do. */
export function rbacFaults(resource: PolicyResource): string[] {
  switch (kubernetesKind(resource.type)) {
    case "Role":
    case "ClusterRole":
      return listAt(resource.props, "rules").flatMap((rule, index) =>
        ["apiGroups", "verbs", "resources", "nonResourceURLs"]
          .filter((field) => textsAt(rule, field).includes("*"))
          .map((field) => `rules[${index}]: ${field} "*"; list them`),
      );
    case "RoleBinding":
    case "ClusterRoleBinding":
      return bindingFaults(resource);
    default:
      return [];
  }
}

function bindingFaults({ props }: PolicyResource): string[] {
  const role = textAt(props, "roleRef", "name");
  return [
    ...(role === "cluster-admin" ? ["binds cluster-admin; bind a role of its own"] : []),
    ...listAt(props, "subjects")
      .map((subject) => textAt(subject, "name"))
      .filter((name) => name !== undefined && everybody.has(name))
      .map((name) => `binds "${name}", which is everybody; name the service account`),
  ];
}
