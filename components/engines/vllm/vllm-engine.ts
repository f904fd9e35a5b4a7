import * as pulumi from "@pulumi/pulumi";
import type { EngineArgs } from "../engine-args.ts";
import { EngineWorkload } from "../engine-workload.ts";
import { childOptions } from "../../child-options.ts";

/** vLLM: every version of a model has replicas of its own, which may span several GPUs of a node. */
export class VllmEngine extends pulumi.ComponentResource {
  constructor(name: string, args: EngineArgs, opts?: pulumi.ComponentResourceOptions) {
    super("domino-inference:engines:VllmEngine", name, {}, opts);
    const { groups, ...rest } = args;
    for (const group of groups) {
      new EngineWorkload(
        // Unique in the platform, and begins with the engine's name.
        group.name,
        { ...rest, group },
        childOptions(this, opts),
      );
    }
    this.registerOutputs({});
  }
}
