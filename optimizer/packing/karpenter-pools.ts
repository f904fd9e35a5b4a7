import type { NodePoolAllocation } from "../allocation.ts";
import type { InstanceType } from "../catalog/catalog.ts";
import { certain } from "../certain.ts";
import { compareText } from "../text-order.ts";
import type { PurchaseKind } from "./node-options.ts";

/** What a Karpenter NodePool must require and may launch, so that it buys what was planned and little more. */
export interface KarpenterPool {
  readonly accelerator: string;
  readonly purchase: PurchaseKind;
  /** `spec.weight`: Karpenter asks the heavier pools first. The cheaper a card, the heavier; 1 … 100. */
  readonly weight: number;
  /** `spec.template.spec.requirements`. */
  readonly requirements: readonly KarpenterRequirement[];
  /** `spec.limits`: of all nodes of the pool together. */
  readonly limits: { readonly vcpuCount: number; readonly memoryGiB: number; readonly gpuCount: number };
}

export interface KarpenterRequirement {
  readonly key: string;
  readonly operator: "In";
  /** In order. */
  readonly values: readonly string[];
}

/**
 * The packed nodes as Karpenter pools, one for each accelerator and way to buy: Karpenter chooses the instance types
 * of a pool by itself, but fills a heavier pool to its limits first, and so keeps reserved and spot nodes to their
 * numbers. The limits are what is planned and, but for reserved nodes, one node more of the largest type, because a
 * node that drifts or is consolidated is launched anew before the old one goes.
 */
export function karpenterPoolsOf(
  pools: readonly NodePoolAllocation[],
  instanceTypes: readonly InstanceType[],
): readonly KarpenterPool[] {
  // A type whose cards may be cut is listed once for each way.
  const keyOf = (accelerator: string, name: string) => `${name} ${accelerator}`;
  const typeOf = new Map(instanceTypes.map((type) => [keyOf(type.accelerator, type.name), type]));
  const groups = Map.groupBy(
    pools,
    ({ accelerator, purchase = "on-demand" }) => `${purchase} ${accelerator}`,
  );
  const unweighted = [...groups.values()].map((members) => {
    const { accelerator, purchase = "on-demand" } = certain(members[0]);
    const types = members.map(({ instanceType }) => certain(typeOf.get(keyOf(accelerator, instanceType))));
    const total = (of: (type: InstanceType) => number) => {
      const planned = members.reduce((sum, { nodeCount }, at) => sum + nodeCount * of(certain(types[at])), 0);
      return planned + (purchase === "reserved" ? 0 : Math.max(...types.map(of)));
    };
    const zones = [...new Set(members.flatMap(({ zone }) => (zone === undefined ? [] : [zone])))];
    const requirements: KarpenterRequirement[] = [
      requirement("node.kubernetes.io/instance-type", new Set(types.map(({ name }) => name))),
      requirement("karpenter.sh/capacity-type", [purchase]),
    ];
    if (zones.length > 0) requirements.push(requirement("topology.kubernetes.io/zone", zones));
    const usdPerHour = members.reduce((sum, member) => sum + member.usdPerHour, 0);
    const gpuCount = members.reduce(
      (sum, { nodeCount }, at) => sum + nodeCount * certain(types[at]).gpuCount,
      0,
    );
    return {
      accelerator,
      purchase,
      usdPerGpuHour: usdPerHour / gpuCount,
      requirements,
      limits: {
        vcpuCount: total((type) => type.vcpuCount),
        memoryGiB: total((type) => type.memoryGiB),
        gpuCount: total((type) => type.gpuCount),
      },
    };
  });
  const cheapestFirst = unweighted.toSorted(
    (a, b) =>
      a.usdPerGpuHour - b.usdPerGpuHour ||
      compareText(a.purchase, b.purchase) ||
      compareText(a.accelerator, b.accelerator),
  );
  return cheapestFirst.map(({ accelerator, purchase, requirements, limits }, at) => ({
    accelerator,
    purchase,
    weight: Math.max(1, 100 - at),
    requirements,
    limits,
  }));
}

function requirement(key: string, values: Iterable<string>): KarpenterRequirement {
  return { key, operator: "In", values: [...values].toSorted(compareText) };
}
