import fc from "fast-check";

import type { InstanceType } from "../../../optimizer/catalog/catalog.ts";
import type { ReplicaDemand } from "../../../optimizer/packing/replica-class.ts";

/** One group of accelerator A. */
export const demand = (overrides: Partial<ReplicaDemand> = {}): ReplicaDemand => ({
  group: "g",
  accelerator: "A",
  gpusPerReplica: 1,
  replicas: 1,
  cpuMillis: 1000,
  memoryMiB: 4096,
  ...overrides,
});

/** Instance types of one accelerator. */
export const types = fc
  .array(
    fc.record({
      gpuCount: fc.constantFrom(1, 2, 4, 8),
      vcpuCount: fc.constantFrom(4, 8, 16, 64),
      memoryGiB: fc.constantFrom(16, 64, 256),
      maxPodCount: fc.constantFrom(4, 29, 100),
      usdPerHour: fc.integer({ min: 1, max: 40 }),
    }),
    { minLength: 1, maxLength: 5 },
  )
  .map((all) => all.map((one, at): InstanceType => ({ ...one, name: `t${at}`, accelerator: "A" })));
/** Groups with up to `mostReplicas` replicas each. */
export const demands = (mostReplicas: number) =>
  fc
    .array(
      fc.record({
        gpusPerReplica: fc.constantFrom(1, 2, 4),
        replicas: fc.integer({ min: 0, max: mostReplicas }),
        cpuMillis: fc.constantFrom(500, 2000, 7000),
        memoryMiB: fc.constantFrom(1024, 8192, 30_000),
      }),
      { minLength: 1, maxLength: 5 },
    )
    .map((all) => all.map((one, at): ReplicaDemand => ({ ...one, group: `g${at}`, accelerator: "A" })));
