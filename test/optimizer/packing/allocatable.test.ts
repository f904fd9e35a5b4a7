import { describe, expect, it } from "vitest";

import { certain } from "../../../optimizer/certain.ts";
import { newestCatalog } from "../../../optimizer/catalog/registry.ts";
import { allocatable } from "../../../optimizer/packing/allocatable.ts";
import { noReservation } from "../problems.ts";

/** Allocatable as Karpenter's instance type reference lists it for AL2023: mCPU, MiB, GPUs, pods. */
const published: readonly (readonly [string, number, number, number, number])[] = [
  ["g4dn.xlarge", 3920, 14_481, 1, 29],
  ["g5.xlarge", 3920, 14_162, 1, 58],
  ["g5.48xlarge", 191_450, 723_299, 8, 345],
  ["g6.12xlarge", 47_810, 178_933, 4, 234],
  ["g6e.12xlarge", 47_810, 360_157, 4, 292],
  ["p4d.24xlarge", 95_690, 1_082_712, 8, 737],
  ["p5.4xlarge", 15_890, 240_830, 1, 118],
  ["p5.48xlarge", 191_450, 1_938_410, 8, 100],
  ["p6-b200.48xlarge", 191_450, 1_937_332, 8, 198],
];

describe("allocatable resources of a node", () => {
  it.each(published)(
    "are those that Karpenter computes for %s",
    (name, cpuMillis, memoryMiB, gpuCount, podCount) => {
      const instanceType = certain(newestCatalog.instanceTypes.find((one) => one.name === name));
      expect(allocatable(instanceType, noReservation)).toEqual({ cpuMillis, memoryMiB, gpuCount, podCount });
    },
  );

  it("leave out what daemons take", () => {
    const instanceType = certain(newestCatalog.instanceTypes.find((one) => one.name === "g4dn.xlarge"));
    const daemons = { daemonCpuMillis: 920, daemonMemoryMiB: 481, daemonPodCount: 9 };
    expect(allocatable(instanceType, daemons)).toEqual({
      cpuMillis: 3000,
      memoryMiB: 14_000,
      gpuCount: 1,
      podCount: 20,
    });
  });
});
