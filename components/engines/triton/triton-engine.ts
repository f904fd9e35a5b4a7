import * as pulumi from "@pulumi/pulumi";
import { stagedVersions } from "../../../platform/engines/triton/staging.ts";
import { childOptions } from "../../child-options.ts";
import type { EngineArgs } from "../engine-args.ts";
import { EngineWorkload } from "../engine-workload.ts";
import { ModelStaging } from "./model-staging.ts";
import { TritonRepository } from "./triton-repository.ts";

/** Triton Inference Server: the models of an engine share its replicas. */
export class TritonEngine extends pulumi.ComponentResource {
  constructor(name: string, args: EngineArgs, opts?: pulumi.ComponentResourceOptions) {
    super("domino-inference:engines:TritonEngine", name, {}, opts);
    const { groups, staging: target, ...rest } = args;
    const versions = stagedVersions(groups);
    if (versions.length > 0 && !target) {
      throw new pulumi.InputPropertyError({
        propertyPath: "staging",
        reason: `engine "${args.engine.name}" has artifacts and no volume that they can be staged onto`,
      });
    }
    const child = childOptions(this, opts);
    const staging =
      target && versions.length > 0
        ? [
            new ModelStaging(
              `${name}-staging`,
              { platform: args.platform, engine: args.engine, versions, target },
              child,
            ),
          ]
        : [];
    for (const group of groups) {
      const { models, engine } = args;
      const repository = new TritonRepository(`${group.name}-repository`, { engine, group, models }, child);
      new EngineWorkload(
        // Unique in the platform, and begins with the engine's name.
        group.name,
        { ...rest, group, additions: repository.additions },
        pulumi.mergeOptions(child, { dependsOn: staging }),
      );
    }
    this.registerOutputs({});
  }
}
