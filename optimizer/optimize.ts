import type { OptimizeResult } from "./allocation.ts";
import { allocationsOf, assign, unplacedOf } from "./placement/assign.ts";
import { Platform } from "./placement/platform-cost.ts";
import type { SizedGroup } from "./placement/platform-cost.ts";
import { scarcities } from "./placement/scarcity.ts";
import { nodeTypesByAccelerator } from "./packing/node-fit.ts";
import { nodePoolsOf } from "./packing/node-pools.ts";
import type { OptimizeProblem } from "./problem.ts";
import { candidatesOf } from "./sizing/candidates.ts";
import type { SizesOf } from "./sizing/sizes-once.ts";
import { compareText } from "./text-order.ts";

/**
 * How many replicas of each group on which accelerator, and the nodes that carry them: the most important groups
 * first, then the least cost per hour. Pure; the order of anything in the problem does not matter.
 *
 * @param sizesOf how groups are sized; whoever solves several problems with the same groups sizes them once
 */
export function optimize(problem: OptimizeProblem, sizesOf: SizesOf = candidatesOf): OptimizeResult {
  const groups = sizedGroups(problem, sizesOf);
  const nodeTypes = nodeTypesByAccelerator(problem.instanceTypes, problem.reservation, problem.nodeOptions);
  const place = (gpuLimits: OptimizeProblem["gpuLimits"]) =>
    placedGroups(new Platform(groups, nodeTypes, gpuLimits, problem.nodeOptions));
  const placed = place(problem.gpuLimits);
  return { ...placed, scarce: scarcities(problem, placed, place) };
}

/** In order of importance. */
function sizedGroups(problem: OptimizeProblem, sizesOf: SizesOf): readonly SizedGroup[] {
  return problem.groups
    .map((group): SizedGroup => {
      const priority = Math.min(...group.workloads.map((workload) => workload.priority));
      return { group, priority, ...sizesOf(group, problem) };
    })
    .toSorted((a, b) => a.priority - b.priority || compareText(a.group.id, b.group.id));
}

function placedGroups(platform: Platform): Omit<OptimizeResult, "scarce"> {
  const choice = assign(platform);
  const packings = platform.packingsOf(choice);
  const nodePools = packings.flatMap(([accelerator, packing]) => nodePoolsOf(accelerator, packing));
  return {
    allocations: allocationsOf(platform, choice),
    unplaced: unplacedOf(platform, choice),
    nodePools,
    usdPerHour: nodePools.reduce((sum, pool) => sum + pool.usdPerHour, 0),
    lowerBoundUsdPerHour: packings.reduce((sum, [, packing]) => sum + packing.lowerBoundUsdPerHour, 0),
  };
}
