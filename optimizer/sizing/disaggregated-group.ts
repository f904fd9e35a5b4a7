import { certain } from "../certain.ts";
import { nodeMisfit, nodeTypesByAccelerator } from "../packing/node-fit.ts";
import { activationsGiB, usableGpuGiB } from "../profiles/gpu-memory.ts";
import type { OptimizeProblem } from "../problem.ts";
import type { GroupDemand } from "../workload.ts";
import { sizeDisaggregated } from "./disaggregated.ts";
import type { DisaggregatedSize } from "./disaggregated.ts";
import type { PoolShape } from "./pool-load.ts";
import { defaultMaxBatchedTokens } from "./replica-model.ts";
import { profiledShapes } from "./shapes.ts";

/** 100 Gbit/s: the least that EC2 gives its instances of 8 cards. */
const networkGBps = 12.5;

const bytesPerGiB = 2 ** 30;

/**
 * The group as two pools, one that reads prompts and one that generates: what an engine that moves keys and values
 * between replicas would need, at the price of the cards. Undefined for groups that do not generate or serve several
 * workloads, where nothing is known of the size of keys and values, and where no two pools hold the targets.
 */
export function disaggregatedGroup(
  group: GroupDemand,
  problem: Pick<
    OptimizeProblem,
    "accelerators" | "instanceTypes" | "reservation" | "nodeOptions" | "gpuLimits"
  >,
): DisaggregatedSize | undefined {
  const [workload, ...others] = group.workloads;
  if (group.task !== "generation" || !workload || others.length > 0) return undefined;
  const { load, slo } = workload;
  if (group.keyValueGiBPerToken === undefined || load.requestsPerMinute <= 0) return undefined;
  const shapes = poolShapes(group, problem);
  const inputTokens = Math.max(load.inputTokens, 1);
  return sizeDisaggregated(
    {
      requestsPerSecond: load.requestsPerMinute / 60,
      traffic: {
        inputTokens,
        outputTokens: Math.max(load.outputTokens, 1),
        outputDistribution: load.outputDistribution ?? "geometric",
      },
      slo,
      transferMs: (group.keyValueGiBPerToken * inputTokens * bytesPerGiB) / (networkGBps * 1e6),
    },
    shapes,
    shapes,
  );
}

/** The shapes that a replica of the group fits, at the cheapest price of their cards. */
function poolShapes(
  group: GroupDemand,
  {
    accelerators,
    instanceTypes,
    reservation,
    nodeOptions,
    gpuLimits,
  }: Pick<OptimizeProblem, "accelerators" | "instanceTypes" | "reservation" | "nodeOptions" | "gpuLimits">,
): readonly PoolShape[] {
  const nodeTypes = nodeTypesByAccelerator(instanceTypes, reservation, nodeOptions);
  return profiledShapes(group, group.workloads).shapes.flatMap((shape): PoolShape[] => {
    const { accelerator, gpusPerReplica, maxBatchSize, weightsGiB } = shape;
    const memoryGiB = accelerators.find(({ name }) => name === accelerator)?.memoryGiB ?? 0;
    const nodes = nodeTypes.get(accelerator) ?? [];
    const fits = weightsGiB + gpusPerReplica * activationsGiB <= usableGpuGiB(memoryGiB, gpusPerReplica);
    // A shape of which there is not even one replica's worth of cards is no advice; how many there are, the plan tells.
    if (gpusPerReplica > (gpuLimits[accelerator] ?? Number.POSITIVE_INFINITY)) return [];
    if (!fits || nodeMisfit(nodes, gpusPerReplica, group.resources(shape))) return [];
    const usdPerGpuHour = Math.min(
      ...nodes.map(({ instanceType, usdPerHour }) => usdPerHour / instanceType.gpuCount),
    );
    return [
      {
        accelerator,
        gpusPerReplica,
        parameters: certain(shape.profiles[0]),
        maxBatchSize,
        maxBatchedTokens: group.maxBatchedTokens ?? defaultMaxBatchedTokens,
        usdPerReplicaHour: gpusPerReplica * usdPerGpuHour,
      },
    ];
  });
}
