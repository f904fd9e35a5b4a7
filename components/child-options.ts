import type * as pulumi from "@pulumi/pulumi";

/**
 * Options for what a component makes beside itself, under its own parent: objects that stay the same objects when
 * another kind of component takes its place. Under the component they would be other resources with the same names, of
 * which Pulumi deletes the old ones after it has made the new.
 */
export function siblingOptions(opts: pulumi.ComponentResourceOptions | undefined): {
  readonly parent?: pulumi.Resource;
  readonly dependsOn?: pulumi.Input<pulumi.Input<pulumi.Resource>[]> | pulumi.Input<pulumi.Resource>;
} {
  return {
    ...(opts?.parent === undefined ? {} : { parent: opts.parent }),
    ...(opts?.dependsOn === undefined ? {} : { dependsOn: opts.dependsOn }),
  };
}

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
