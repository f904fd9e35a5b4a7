import * as pulumi from "@pulumi/pulumi";
import { PriorityClass } from "@pulumi/kubernetes/scheduling/v1/index.js";
import { childOptions } from "../child-options.ts";
import { recommendedLabels } from "../labels.ts";

export interface GpuPrioritiesArgs {
  /** Name of the platform, for the labels. */
  readonly platform: string;
  /** The platform's own namespace: begins the names, since priority classes have none. */
  readonly platformNamespace: string;
  /** The GPUs that a replica uses, over all replica groups. */
  readonly gpusPerReplica: readonly number[];
}

/** The priority class of replicas with so many GPUs. */
export function gpuPriorityName(platformNamespace: string, gpusPerReplica: number): string {
  return `${platformNamespace}-gpus-${gpusPerReplica}`;
}

/**
 * Lets replicas with many GPUs choose their nodes first where several wait, as after the loss of nodes: a few small
 * replicas, one a node, would leave no node whole for a large one. Nobody is evicted for it. In a rollout the successor
 * is created while its predecessor still drains; with the right to evict it would take the GPUs of other engines
 * instead of waiting for those that are about to be free.
 */
export class GpuPriorities extends pulumi.ComponentResource {
  constructor(name: string, args: GpuPrioritiesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("domino-inference:engines:GpuPriorities", name, {}, opts);
    const child = childOptions(this, opts);
    for (const gpus of new Set(args.gpusPerReplica)) {
      new PriorityClass(
        `${name}-${gpus}`,
        {
          metadata: {
            name: gpuPriorityName(args.platformNamespace, gpus),
            labels: recommendedLabels({
              name: "gpu-priorities",
              instance: args.platform,
              component: "inference-engine",
            }),
          },
          description: `Replicas of ${args.platform} with ${gpus} GPUs: placed before those with fewer.`,
          // Small, yet not below zero, which cluster autoscalers take for pods that need no node.
          value: gpus,
          globalDefault: false,
          preemptionPolicy: "Never",
        },
        child,
      );
    }
    this.registerOutputs({});
  }
}
