import type { PolicyConfigSchema, ResourceValidationPolicy, StackValidationPolicy } from "@pulumi/policy";
import { isStackPolicy, type Policy, type PolicyContext, type PolicyResource } from "./policy.ts";

/** Makes the context of stack policies from the configuration that the pack was started with. */
export type ContextOfConfig = (config: Readonly<Record<string, unknown>>) => PolicyContext;

/** The form in which Pulumi's policy SDK takes policies. Types only are imported: the SDK's pack starts a server. */
export function pulumiPolicies(
  policies: readonly Policy[],
  contextOf: ContextOfConfig,
): (ResourceValidationPolicy | StackValidationPolicy)[] {
  return policies.map((policy) => {
    const { name, description, level: enforcementLevel } = policy;
    if (!isStackPolicy(policy)) {
      return {
        name,
        description,
        enforcementLevel,
        validateResource: (resource, reportViolation) => {
          for (const message of policy.check(plainResource(resource))) reportViolation(message, resource.urn);
        },
      };
    }
    return {
      name,
      description,
      enforcementLevel,
      // The SDK's type wants mutable schemas, which it never changes.
      ...(policy.configSchema ? { configSchema: policy.configSchema as PolicyConfigSchema } : {}),
      validateStack: ({ resources, getConfig }, reportViolation) => {
        const context = contextOf(getConfig<Record<string, unknown>>());
        for (const { message, urn } of policy.checkStack(resources.map(plainResource), context)) {
          reportViolation(message, urn);
        }
      },
    };
  });
}

function plainResource({ urn, type, name, props }: PolicyResource): PolicyResource {
  return { urn, type, name, props: plainValue(props) as PolicyResource["props"] };
}

/** What the engine sends for values that are not known yet, one mark a type. */
const unknownMarks = new Set([
  "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
  "030794c1-ac77-496b-92df-f27374a8bd58",
  "e48ece36-62e2-4504-bad9-02848725956a",
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
]);

/**
 * Copies inputs out of the SDK's proxy. The proxy throws at the first unknown value that is read, which would leave the
 * rest of the resource unjudged; reading property descriptors goes past it, and unknown values become data.
 */
function plainValue(value: unknown): unknown {
  if (typeof value === "string" && unknownMarks.has(value)) return { __pulumiUnknown: true };
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(Object.getOwnPropertyDescriptors(value))
    .filter(([, descriptor]) => descriptor.enumerable)
    .map(([key, descriptor]): [string, unknown] => [key, plainValue(descriptor.value)]);
  return Array.isArray(value) ? entries.map(([, element]) => element) : Object.fromEntries(entries);
}
