import type { EnginePlan, ReplicaGroupPlan } from "../../plan/platform-plan.ts";
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
 * its Model Express. Quotas need to count them; no plan places them, since they need no GPUs.
 */
export function attendantPods(
  engine: EnginePlan,
  groups: readonly ReplicaGroupPlan[],
): PodResources & { readonly pods: number } {
  const graphs = [...Map.groupBy(groups, graphName).values()].flatMap(([group]) => group ?? []);
  const each = graphs.flatMap((group): readonly { readonly count: number; readonly pod: PodResources }[] => {
    const options = dynamoModelOptions(graphModel(group));
    if (!options.deployment.create) return [];
    return [
      { count: options.frontend.replicas + 1, pod: frontendPod(options) },
      ...(options.planner ? [{ count: 2, pod: plannerPod }] : []),
    ];
  });
  const server = modelExpressPod(engine);
  const all = [...each, ...(server ? [{ count: 1, pod: server }] : [])];
  const sum = (amount: (pod: PodResources) => number) =>
    all.reduce((total, { count, pod }) => total + count * amount(pod), 0);
  return {
    pods: sum(() => 1),
    cpuMillis: sum(({ cpuMillis }) => cpuMillis),
    memoryMiB: sum(({ memoryMiB }) => memoryMiB),
  };
}
