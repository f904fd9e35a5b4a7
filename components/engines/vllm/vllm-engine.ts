import * as pulumi from "@pulumi/pulumi";
import { childOptions } from "../../child-options.ts";
import type { EngineArgs } from "../engine-args.ts";
import { EngineWorkload } from "../engine-workload.ts";
import { ChartRelease } from "./chart-release.ts";
import { LeaderWorkerGroup } from "./leader-worker-group.ts";
import { vllmPodAdditions } from "./pod-additions.ts";

/** vLLM: every version of a model has replicas of its own, on several GPUs of a node or on several nodes. */
export class VllmEngine extends pulumi.ComponentResource {
  constructor(name: string, args: EngineArgs, opts?: pulumi.ComponentResourceOptions) {
    super("domino-inference:engines:VllmEngine", name, {}, opts);
    const { groups, ...rest } = args;
    const child = childOptions(this, opts);
    for (const group of groups) {
      // Unique in the platform, and begins with the engine's name.
      const groupName = group.name;
      if (args.engine.pattern === "helm") {
        new ChartRelease(groupName, { ...rest, group }, child);
      } else if (group.nodesPerReplica > 1) {
        new LeaderWorkerGroup(groupName, { ...rest, group }, child);
      } else {
        new EngineWorkload(groupName, { ...rest, group, additions: vllmPodAdditions(group) }, child);
      }
    }
    this.registerOutputs({});
  }
}
