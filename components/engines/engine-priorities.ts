import * as pulumi from "@pulumi/pulumi";
import { PriorityClass } from "@pulumi/kubernetes/scheduling/v1/index.js";
import type { ReplicaGroupPlan } from "../../platform/plan/platform-plan.ts";
import { childOptions } from "../child-options.ts";
import { recommendedLabels } from "../labels.ts";

/** What decides about a group's place among those that wait for nodes. */
type RankedGroup = Pick<ReplicaGroupPlan, "serviceClasses" | "gpusPerReplica" | "nodesPerReplica">;

export interface EnginePrioritiesArgs {
  /** Name of the platform, for the labels. */
  readonly platform: string;
  /** The platform's own namespace: begins the names, since priority classes have none. */
  readonly platformNamespace: string;
  readonly groups: readonly RankedGroup[];
  /** Priority of every service class, 1 (most important) to 100. */
  readonly classPriorities: ReadonlyMap<string, number>;
}

/** The priority class of a group's pods: by the most important service class that it serves, and their GPUs. */
export function enginePriorityName(platformNamespace: string, group: RankedGroup): string {
  return `${platformNamespace}-${leadingClass(group).toLowerCase()}-gpus-${gpusPerPod(group)}`;
}

/**
 * Decides who is placed first where several wait, as after the loss of nodes: the more important service class, and in
 * a class the replicas with more GPUs, because a few small ones, one a node, would leave no node whole for a large one.
 *
 * Nobody is evicted for it. In a rollout the successor is created while its predecessor still drains; with the right to
 * evict it would take the GPUs of other engines instead of waiting for those that are about to be free.
 */
export class EnginePriorities extends pulumi.ComponentResource {
  constructor(name: string, args: EnginePrioritiesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("domino-inference:engines:EnginePriorities", name, {}, opts);
    const child = childOptions(this, opts);
    const byName = new Map(
      args.groups.map((group) => [enginePriorityName(args.platformNamespace, group), group] as const),
    );
    for (const [className, group] of byName) {
      const serviceClass = leadingClass(group);
      const gpus = gpusPerPod(group);
      new PriorityClass(
        `${name}-${serviceClass}-${gpus}`,
        {
          metadata: {
            name: className,
            labels: recommendedLabels({
              name: "engine-priorities",
              instance: args.platform,
              component: "inference-engine",
            }),
          },
          description: `Replicas of ${args.platform} for class ${serviceClass} with ${gpus} GPUs a pod.`,
          value: priorityValue(args.classPriorities.get(serviceClass) ?? leastPriority, gpus),
          globalDefault: false,
          preemptionPolicy: "Never",
        },
        // A value cannot be changed, and pods keep the one that they were created with.
        { ...child, replaceOnChanges: ["value"], deleteBeforeReplace: true },
      );
    }
    this.registerOutputs({});
  }
}

const leastPriority = 100;

/** More than any node has GPUs: the class comes first, GPUs decide within it. */
const valuesPerClass = 100;

/** Small, yet not below zero, which cluster autoscalers take for pods that need no node. */
function priorityValue(classPriority: number, gpus: number): number {
  return (leastPriority - classPriority) * valuesPerClass + gpus;
}

function leadingClass({ serviceClasses }: RankedGroup): string {
  return serviceClasses[0] ?? "Free";
}

function gpusPerPod({ gpusPerReplica, nodesPerReplica }: RankedGroup): number {
  return gpusPerReplica / nodesPerReplica;
}
