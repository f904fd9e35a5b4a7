import type { PolicyResource } from "../../policies/policy.ts";

/** A resource as the program would register it. */
export function resource(type: string, props: Record<string, unknown>, name = "it"): PolicyResource {
  return { urn: `urn:pulumi:prod::domino-inference::${type}::${name}`, type, name, props };
}

/** What a preview has in the place of a value that only a cloud could tell. */
export const unknown = { __pulumiUnknown: true };
