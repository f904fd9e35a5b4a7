import type * as pulumi from "@pulumi/pulumi";

/**
 * Options for the children of a component. Pulumi does not hand a component's `dependsOn` down; without this, children
 * would be created before what the component waits for.
 */
export function childOptions(
  parent: pulumi.ComponentResource,
  opts: pulumi.ComponentResourceOptions | undefined,
): pulumi.CustomResourceOptions {
  return { parent, ...(opts?.dependsOn === undefined ? {} : { dependsOn: opts.dependsOn }) };
}
