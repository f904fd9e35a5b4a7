import { kubernetesKind } from "./kubernetes-kind.ts";
import { isUnknown, listAt, objectAt, textAt, valueAt } from "./known-values.ts";
import type { PolicyResource, StackPolicy } from "./policy.ts";

/** What is not allowed on purpose is closed, in both directions, for pods that do not exist yet too. */
export const defaultDenyPerNamespace: StackPolicy = {
  name: "default-deny-per-namespace",
  description: "Every namespace of the stack has a NetworkPolicy that denies all traffic of all its pods.",
  level: "mandatory",
  checkStack(resources) {
    const denials = resources
      .filter(deniesAll)
      .map((policy) => valueAt(policy.props, "metadata", "namespace"));
    // A denial in a namespace that is not named yet may be the one that is looked for.
    if (denials.some(isUnknown)) return [];
    return resources
      .filter(({ type }) => kubernetesKind(type) === "Namespace")
      .flatMap((namespace) => {
        const name = textAt(namespace.props, "metadata", "name");
        if (name === undefined || denials.some((denied) => (denied ?? "default") === name)) return [];
        return [
          {
            urn: namespace.urn,
            message:
              `namespace "${name}" has no default-deny NetworkPolicy; add one with podSelector {}, ` +
              "policyTypes [Ingress, Egress] and no rules",
          },
        ];
      });
  },
};

function deniesAll(resource: PolicyResource): boolean {
  if (kubernetesKind(resource.type) !== "NetworkPolicy") return false;
  const spec = objectAt(resource.props, "spec");
  const selector = objectAt(spec, "podSelector");
  const types = listAt(spec, "policyTypes");
  return (
    selector !== undefined &&
    Object.keys(objectAt(selector, "matchLabels") ?? {}).length === 0 &&
    listAt(selector, "matchExpressions").length === 0 &&
    types.includes("Ingress") &&
    types.includes("Egress") &&
    isEmpty(spec?.ingress) &&
    isEmpty(spec?.egress)
  );
}

function isEmpty(rules: unknown): boolean {
  return rules === undefined || rules === null || (Array.isArray(rules) && rules.length === 0);
}
