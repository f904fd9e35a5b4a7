import { certain } from "../certain.ts";
import { nodeNetworkGBps } from "../profiles/node-network.ts";
import type { OptimizeProblem, SizingProblem } from "../problem.ts";
import type { GroupDemand, Workload } from "../workload.ts";
import { sizeDisaggregated } from "./disaggregated.ts";
import type { DisaggregatedDemand, DisaggregatedSize } from "./disaggregated.ts";
import type { NodeShape } from "./node-shapes.ts";
import { offeredShapes } from "./offered-shapes.ts";
import type { PoolShape } from "./pool-load.ts";
import { defaultMaxBatchedTokens } from "./replica-model.ts";

const bytesPerGiB = 2 ** 30;

/**
 * The group as two pools, one that reads prompts and one that generates: what an engine that moves keys and values
 * between replicas would need, at the price of the cards. Undefined for groups that do not generate or serve several
 * workloads, where nothing is known of the size of keys and values, and where no two pools hold the targets.
 */
export function disaggregatedGroup(
  group: GroupDemand,
  problem: SizingProblem & Pick<OptimizeProblem, "gpuLimits">,
): DisaggregatedSize | undefined {
  const [workload, ...others] = group.workloads;
  if (group.task !== "generation" || !workload || others.length > 0) return undefined;
  if (group.keyValueGiBPerToken === undefined || workload.load.requestsPerMinute <= 0) return undefined;
  const shapes = offeredShapes(group, [workload], problem)
    // A shape of which there is not even one replica's worth of cards is no advice; how many there are, the plan tells.
    .shapes.filter(
      ({ accelerator, gpusPerReplica }) =>
        gpusPerReplica <= (problem.gpuLimits[accelerator] ?? Number.POSITIVE_INFINITY),
    )
    .map((shape) => poolShape(group, shape));
  return sizeDisaggregated(disaggregatedDemand(workload, group.keyValueGiBPerToken), shapes, shapes);
}

/** One workload as two pools have to serve it. */
export function disaggregatedDemand(
  { load, slo }: Pick<Workload, "load" | "slo">,
  keyValueGiBPerToken: number,
): DisaggregatedDemand {
  const inputTokens = Math.max(load.inputTokens, 1);
  return {
    requestsPerSecond: load.requestsPerMinute / 60,
    traffic: {
      inputTokens,
      outputTokens: Math.max(load.outputTokens, 1),
      outputDistribution: load.outputDistribution ?? "geometric",
    },
    slo,
    transferMs: (keyValueGiBPerToken * inputTokens * bytesPerGiB) / (nodeNetworkGBps * 1e6),
  };
}

/** The shape as a pool of a group of one workload is made of it. */
export function poolShape({ maxBatchedTokens }: GroupDemand, shape: NodeShape): PoolShape {
  const { accelerator, gpusPerReplica, maxBatchSize, usdPerGpuHour } = shape;
  return {
    accelerator,
    gpusPerReplica,
    parameters: certain(shape.profiles[0]),
    maxBatchSize,
    maxBatchedTokens: maxBatchedTokens ?? defaultMaxBatchedTokens,
    usdPerReplicaHour: gpusPerReplica * usdPerGpuHour,
  };
}
