import type { EnginePlan, ReplicaGroupPlan } from "../../plan/platform-plan.ts";
import type { OtherPods } from "../engine-profile.ts";
import { dynamoEngineOptions } from "./engine-options.ts";
import { graphName } from "./graph-name.ts";
import { dynamoModelOptions, type DynamoModelOptions } from "./model-options.ts";
import { graphModel } from "./worker-settings.ts";

/** What one pod requests, and may use at most. */
export interface PodResources {
  readonly cpuMillis: number;
  readonly memoryMiB: number;
}

/** Tokenizers of a few models, and the requests in flight. */
const frontendMemoryGiB = 4;

/** One process that asks Prometheus now and then. */
export const plannerPod: PodResources = { cpuMillis: 1_000, memoryMiB: 2_048 };

/** Its chart's own 256 MiB end in the middle of the first large model. */
const modelExpressMemoryGiB = 4;

export function frontendPod({ frontend }: Pick<DynamoModelOptions, "frontend">): PodResources {
  return {
    cpuMillis: Math.ceil(frontend.cpu * 1_000),
    memoryMiB: Math.ceil((frontend.memory ?? frontendMemoryGiB) * 1_024),
  };
}

export function modelExpressPod(engine: EnginePlan): PodResources | undefined {
  const { modelExpress } = dynamoEngineOptions(engine);
  return modelExpress && "install" in modelExpress
    ? {
        cpuMillis: 1_000,
        memoryMiB: Math.ceil((modelExpress.install.memory ?? modelExpressMemoryGiB) * 1_024),
      }
    : undefined;
}

/**
 * Everything of an engine that is no worker: frontends and planners of its graphs, each with one more for a rollout, and
 * its Model Express. No plan places them, since they need no GPUs.
 */
export function attendantPods(engine: EnginePlan, groups: readonly ReplicaGroupPlan[]): readonly OtherPods[] {
  const graphs = [...Map.groupBy(groups, graphName).values()].flatMap(([group]) => group ?? []);
  const server = modelExpressPod(engine);
  return [
    ...graphs.flatMap((group): readonly OtherPods[] => {
      const options = dynamoModelOptions(graphModel(group));
      if (!options.deployment.create) return [];
      return [
        { count: options.frontend.replicas + 1, ...frontendPod(options) },
        ...(options.planner ? [{ count: 2, ...plannerPod }] : []),
      ];
    }),
    ...(server ? [{ count: 1, ...server }] : []),
  ];
}
