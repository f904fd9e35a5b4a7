import * as pulumi from "@pulumi/pulumi";
import type { EngineArgs } from "../engine-args.ts";
import { EngineWorkload } from "../engine-workload.ts";
import { childOptions } from "../../child-options.ts";

/** Triton Inference Server: the models of an engine share its replicas. */
export class TritonEngine extends pulumi.ComponentResource {
  constructor(name: string, args: EngineArgs, opts?: pulumi.ComponentResourceOptions) {
    super("domino-inference:engines:TritonEngine", name, {}, opts);
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
