import {
  isStackPolicy,
  type Policy,
  type PolicyContext,
  type PolicyResource,
  type Violation,
} from "./policy.ts";
import type { PolicyLevel } from "./policy.ts";

/** What one policy found in a stack. */
export interface PolicyResult {
  readonly name: string;
  readonly level: PolicyLevel;
  /** Sorted by resource. */
  readonly violations: readonly Violation[];
}

/** Judges the resources of a stack by every policy, in the policies' order. */
export function evaluatePolicies(
  policies: readonly Policy[],
  resources: readonly PolicyResource[],
  context: PolicyContext,
): PolicyResult[] {
  return policies.map((policy) => {
    const violations = isStackPolicy(policy)
      ? policy.checkStack(resources, context)
      : resources.flatMap((resource) =>
          policy.check(resource).map((message) => ({ urn: resource.urn, message })),
        );
    return { name: policy.name, level: policy.level, violations: violations.toSorted(byUrn) };
  });
}

function byUrn(left: Violation, right: Violation): number {
  return left.urn < right.urn ? -1 : left.urn > right.urn ? 1 : 0;
}
