import * as pulumi from "@pulumi/pulumi";
import { tritonModelRepository } from "../../../platform/engines/triton/profile.ts";
import type { EngineArgs } from "../engine-args.ts";
import { EngineWorkload } from "../engine-workload.ts";
import { childOptions } from "../../child-options.ts";

/** Triton Inference Server: the models of an engine share its replicas. */
export class TritonEngine extends pulumi.ComponentResource {
  constructor(name: string, args: EngineArgs, opts?: pulumi.ComponentResourceOptions) {
    super("domino-inference:engines:TritonEngine", name, {}, opts);
    if (args.models.kind !== "dataset") {
      throw new pulumi.InputPropertyError({
        propertyPath: "models",
        // From S3 Triton copies the repository to local disk on every start, and its IAM roles are undocumented.
        reason: `engine "${args.engine.name}": Triton loads models from a dataset, not from ${args.models.kind}`,
      });
    }
    const { groups, ...rest } = args;
    for (const group of groups) {
      new EngineWorkload(
        // Unique in the platform, and begins with the engine's name.
        group.name,
        { ...rest, group, modelMountPath: tritonModelRepository },
        childOptions(this, opts),
      );
    }
    this.registerOutputs({});
  }
}
