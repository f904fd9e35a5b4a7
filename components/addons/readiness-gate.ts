import * as pulumi from "@pulumi/pulumi";
import { CustomResourceDefinition } from "@pulumi/kubernetes/apiextensions/v1/index.js";
import type { NeededDefinition } from "./addon-facts.ts";

export interface ReadinessGateArgs {
  readonly definitions: readonly NeededDefinition[];
  /**
   * Known once the definitions are there, such as the status of a release.
   * @default they are there already
   */
  readonly after?: pulumi.Output<unknown>;
}

/**
 * Reads the definitions of custom kinds from the cluster. What depends on the gate is created only where they are there,
 * served in the right version and in force; where they are not, already a preview fails, with their names.
 */
export class ReadinessGate extends pulumi.ComponentResource {
  constructor(name: string, args: ReadinessGateArgs, opts?: pulumi.ComponentResourceOptions) {
    super("domino-inference:addons:ReadinessGate", name, {}, opts);
    const { after } = args;
    const checked = args.definitions.map((needed) => {
      const definition = CustomResourceDefinition.get(
        `${name}-${needed.name}`,
        after ? after.apply(() => needed.name) : needed.name,
        { parent: this },
      );
      return pulumi.all([definition.spec, definition.status]).apply(([spec, status]) => {
        const problem = definitionProblem(needed, spec?.versions, status?.conditions);
        if (problem !== undefined) throw new pulumi.ResourceError(problem, definition);
        return needed.name;
      });
    });
    this.registerOutputs({ definitions: pulumi.all(checked) });
  }
}

interface ServedVersion {
  readonly name: string;
  readonly served: boolean;
}

interface Condition {
  readonly type: string;
  readonly status: string;
}

/** Why a definition that is there is of no use; what is not known yet is no problem. */
export function definitionProblem(
  { name, version }: NeededDefinition,
  versions: readonly ServedVersion[] | undefined,
  conditions: readonly Condition[] | undefined,
): string | undefined {
  const served = versions?.filter((one) => one.served).map((one) => one.name);
  if (served && !served.includes(version)) {
    return `${name} is served in ${served.join(", ") || "no version"}, and ${version} is needed: the add-on's version is another`;
  }
  const established = conditions?.find(({ type }) => type === "Established");
  return established && established.status !== "True"
    ? `${name} is defined, but not in force yet`
    : undefined;
}
