import { describe, expect, it } from "vitest";

import type { NodePoolAllocation } from "../../../optimizer/allocation.ts";
import { karpenterPoolsOf } from "../../../optimizer/packing/karpenter-pools.ts";
import { instanceType } from "../problems.ts";

const small = instanceType({ name: "a.1", gpuCount: 1, vcpuCount: 8, memoryGiB: 32 });
const large = instanceType({ name: "a.8", gpuCount: 8, vcpuCount: 96, memoryGiB: 384 });

const pool = (overrides: Partial<NodePoolAllocation>): NodePoolAllocation => ({
  accelerator: "A",
  instanceType: "a.1",
  nodeCount: 1,
  usdPerHour: 1,
  nodes: [],
  ...overrides,
});

describe("Karpenter pools", () => {
  it("require the planned types and zones, and are limited to the planned nodes and one more", () => {
    const pools = karpenterPoolsOf(
      [
        pool({ instanceType: "a.8", zone: "us-west-2b", usdPerHour: 7 }),
        pool({ instanceType: "a.8", zone: "us-west-2a", nodeCount: 2, usdPerHour: 14 }),
        pool({ zone: "us-west-2b" }),
      ],
      [small, large],
    );
    expect(pools).toEqual([
      {
        accelerator: "A",
        purchase: "on-demand",
        weight: 100,
        requirements: [
          { key: "node.kubernetes.io/instance-type", operator: "In", values: ["a.1", "a.8"] },
          { key: "karpenter.sh/capacity-type", operator: "In", values: ["on-demand"] },
          { key: "topology.kubernetes.io/zone", operator: "In", values: ["us-west-2a", "us-west-2b"] },
        ],
        limits: { vcpuCount: 3 * 96 + 8 + 96, memoryGiB: 3 * 384 + 32 + 384, gpuCount: 25 + 8 },
      },
    ]);
  });

  it("are one for each way to buy, the cheaper cards heavier, and no more reserved nodes than there are", () => {
    const pools = karpenterPoolsOf(
      [
        pool({ usdPerHour: 1 }),
        pool({ purchase: "spot", usdPerHour: 0.3 }),
        pool({ purchase: "reserved", nodeCount: 2, usdPerHour: 0.4 }),
      ],
      [small],
    );
    expect(pools.map(({ purchase, weight }) => [purchase, weight])).toEqual([
      ["reserved", 100],
      ["spot", 99],
      ["on-demand", 98],
    ]);
    expect(pools.map(({ limits }) => limits.gpuCount)).toEqual([2, 2, 2]);
  });

  it("count what a node of their own kind carries, where a type is listed whole and cut", () => {
    const cut = { ...large, accelerator: "A-1g", gpuCount: 56 };
    const pools = karpenterPoolsOf(
      [
        pool({ instanceType: "a.8", usdPerHour: 7 }),
        pool({ instanceType: "a.8", accelerator: "A-1g", usdPerHour: 7 }),
      ],
      [large, cut],
    );
    expect(pools.map(({ accelerator, limits }) => [accelerator, limits.gpuCount])).toEqual([
      ["A-1g", 112],
      ["A", 16],
    ]);
  });

  it("refuse instance types that nobody named", () => {
    expect(() => karpenterPoolsOf([pool({ instanceType: "b.1" })], [small])).toThrow(RangeError);
  });
});
