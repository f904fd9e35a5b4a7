import fc from "fast-check";
import { expect, test } from "vitest";
import { certain } from "../../../optimizer/certain.ts";
import type { Candidate } from "../../../optimizer/allocation.ts";
import { nodeTypesByAccelerator } from "../../../optimizer/packing/node-fit.ts";
import type { NodeOptions } from "../../../optimizer/packing/node-options.ts";
import { packAccelerator } from "../../../optimizer/packing/pack.ts";
import { Platform } from "../../../optimizer/placement/platform-cost.ts";
import type { SizedGroup } from "../../../optimizer/placement/platform-cost.ts";
import { replicaDemand } from "../../../optimizer/placement/replica-demand.ts";
import { group, instanceType, noReservation } from "../problems.ts";

const instanceTypes = ["A", "B"].flatMap((accelerator) => [
  instanceType({ name: `${accelerator}.1`, accelerator }),
  instanceType({
    name: `${accelerator}.8`,
    accelerator,
    gpuCount: 8,
    vcpuCount: 96,
    memoryGiB: 384,
    usdPerHour: 7,
  }),
]);

const options: fc.Arbitrary<NodeOptions> = fc.record(
  {
    headroomFraction: fc.constantFrom(0.1, 0.5),
    mostSpotFraction: fc.constantFrom(0, 0.4),
    zones: fc.constantFrom(["a", "b"], ["a", "b", "c"]),
    purchase: fc.constant([
      { kind: "on-demand", priceFraction: 1 },
      { kind: "spot", priceFraction: 0.4 },
    ] as const),
  },
  { requiredKeys: [] },
);

const candidate = fc
  .record({
    accelerator: fc.constantFrom("A", "B"),
    gpusPerReplica: fc.constantFrom(1, 2, 4, 8),
    replicas: fc.integer({ min: 0, max: 6 }),
  })
  .map((shape): Candidate => ({
    ...shape,
    maxBatchSize: 1,
    weightsGiB: 1,
    utilisation: 0,
    maxRequestsPerMinutePerReplica: 1,
    predictions: [],
    binding: "minimum",
    gpuUsdPerHour: shape.gpusPerReplica * shape.replicas,
    origins: [],
  }));

const groups = fc
  .array(
    fc.record({
      candidates: fc.array(candidate, { minLength: 1, maxLength: 3 }),
      memoryMiB: fc.constantFrom(1024, 20_000),
    }),
    { minLength: 1, maxLength: 5 },
  )
  .map((all) =>
    all.map(({ candidates, memoryMiB }, index): SizedGroup => ({
      group: group({ id: `g${index}`, resources: () => ({ cpuMillis: 1000, memoryMiB }) }),
      priority: 1,
      candidates,
      rejections: [],
    })),
  );

test("a choice costs what its accelerators' nodes do, whatever was costed before", () => {
  fc.assert(
    fc.property(
      groups,
      options,
      fc.array(fc.array(fc.nat(3), { minLength: 5, maxLength: 5 })),
      (all, nodeOptions, tried) => {
        const nodeTypes = nodeTypesByAccelerator(instanceTypes, noReservation, nodeOptions);
        const platform = new Platform(all, nodeTypes, { A: 24 }, nodeOptions);
        for (const some of tried) {
          const choice = all.map((_, index) => certain(some[index]) - 1);
          const chosen = all.flatMap((sized, index) => {
            const one = sized.candidates[certain(choice[index])];
            return one && one.replicas > 0 ? [replicaDemand(sized.group, one, sized.group.id)] : [];
          });
          const costs = [...Map.groupBy(chosen, ({ accelerator }) => accelerator)].map(
            ([accelerator, demands]) =>
              packAccelerator(
                demands,
                nodeTypes.get(accelerator) ?? [],
                accelerator === "A" ? 24 : undefined,
                nodeOptions,
              )?.usdPerHour,
          );
          const expected = costs.every((usd) => usd !== undefined)
            ? costs.reduce((sum, usd) => sum + usd, 0)
            : undefined;
          expect(platform.costOf(choice)?.nodeUsdPerHour).toBe(expected);
        }
      },
    ),
    { numRuns: 120 },
  );
});
