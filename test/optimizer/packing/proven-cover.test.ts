import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { certain } from "../../../optimizer/certain.ts";
import { usdPerHourOf } from "../../../optimizer/packing/cover-problem.ts";
import { nodeTypesByAccelerator } from "../../../optimizer/packing/node-fit.ts";
import { pack, packAccelerator } from "../../../optimizer/packing/pack.ts";
import { provenCover } from "../../../optimizer/packing/proven-cover.ts";
import { replicaClasses } from "../../../optimizer/packing/replica-class.ts";
import { instanceType, noReservation } from "../problems.ts";
import { cheapestSplit } from "./cheapest-split.ts";
import { demand, demands, types } from "./random-fleets.ts";

describe("the proven cover", () => {
  it("is, from nothing, as cheap as the best of all ways to split the replicas, and its bound says so", () => {
    fc.assert(
      fc.property(types, demands(2), (instanceTypes, replicas) => {
        const classes = replicaClasses(replicas.slice(0, 4));
        const nodeTypes = certain(nodeTypesByAccelerator(instanceTypes, noReservation).get("A"));
        const least = cheapestSplit(classes, nodeTypes);
        if (!Number.isFinite(least) || classes.length === 0) return;
        const { patterns, lowerBoundUsdPerHour } = provenCover({ classes, nodeTypes, limits: [] }, undefined);
        expect(usdPerHourOf(certain(patterns))).toBeCloseTo(least, 6);
        expect(lowerBoundUsdPerHour).toBeCloseTo(least, 6);
      }),
      { numRuns: 100 },
    );
  });

  it("is never dearer than the quick packing, and never cheaper than its own bound", () => {
    fc.assert(
      fc.property(types, demands(40), (instanceTypes, replicas) => {
        const nodeTypes = certain(nodeTypesByAccelerator(instanceTypes, noReservation).get("A"));
        const quick = packAccelerator(replicas, nodeTypes);
        if (!quick || quick.classes.length === 0) return;
        const proven = provenCover({ classes: quick.classes, nodeTypes, limits: [] }, quick.patterns);
        const usdPerHour = usdPerHourOf(certain(proven.patterns));
        expect(usdPerHour).toBeLessThanOrEqual(quick.usdPerHour);
        expect(proven.lowerBoundUsdPerHour).toBeLessThanOrEqual(usdPerHour + 1e-9);
        expect(usdPerHour / proven.lowerBoundUsdPerHour).toBeLessThan(1.01);
      }),
      { numRuns: 100 },
    );
  });

  it("proves no more and costs no more where an instance type gets cheaper", () => {
    fc.assert(
      fc.property(types, demands(6), fc.nat(4), (instanceTypes, replicas, which) => {
        const cut = instanceTypes.map((type, at) =>
          at === which % instanceTypes.length ? { ...type, usdPerHour: type.usdPerHour / 2 } : type,
        );
        const [before, after] = [instanceTypes, cut].map((all) => pack(replicas, all, noReservation));
        if (!before || !after || before.unpacked.length > 0) return;
        // Where both are proven this says that a cheaper offer never raises the cost.
        expect(after.lowerBoundUsdPerHour).toBeLessThanOrEqual(before.usdPerHour + 1e-6);
        if (after.usdPerHour > after.lowerBoundUsdPerHour + 1e-6) return;
        expect(after.usdPerHour).toBeLessThanOrEqual(before.usdPerHour + 1e-6);
      }),
      { numRuns: 60 },
    );
  });

  it("keeps a limit on cards at the least cost that all splits within it have", () => {
    fc.assert(
      fc.property(types, demands(2), fc.integer({ min: 1, max: 24 }), (instanceTypes, replicas, limit) => {
        const classes = replicaClasses(replicas.slice(0, 3));
        const nodeTypes = certain(nodeTypesByAccelerator(instanceTypes, noReservation).get("A"));
        const least = cheapestSplit(classes, nodeTypes, limit);
        if (classes.length === 0) return;
        const { usdPerHour, lowerBoundUsdPerHour, unpacked } = pack(
          replicas.slice(0, 3),
          instanceTypes,
          noReservation,
          { A: limit },
        );
        if (!Number.isFinite(least)) {
          expect(unpacked).toEqual(["A"]);
          return;
        }
        expect(usdPerHour).toBeCloseTo(least, 6);
        expect(lowerBoundUsdPerHour).toBeLessThanOrEqual(least + 1e-6);
      }),
      { numRuns: 150 },
    );
  });

  it("packs replicas of which no two are alike", () => {
    const replicas = Array.from({ length: 160 }, (_, at) =>
      demand({
        group: `g${at}`,
        gpusPerReplica: certain([1, 1, 2, 4][at % 4]),
        cpuMillis: 1000 + 37 * ((at * 29) % 160),
        memoryMiB: 2000 + 411 * ((at * 53) % 160),
      }),
    );
    const sizes = [
      instanceType({ name: "a.1", gpuCount: 1, vcpuCount: 8, memoryGiB: 96, usdPerHour: 1.1 }),
      instanceType({ name: "a.8", gpuCount: 8, vcpuCount: 48, memoryGiB: 256, usdPerHour: 7 }),
    ];
    const packing = pack(replicas, sizes, noReservation);
    expect(packing.unpacked).toEqual([]);
    const placed = packing.nodePools.flatMap(({ nodes }) => nodes.flatMap((node) => node.replicas));
    expect(placed.map(({ group, count }) => `${group} ${count}`).toSorted()).toEqual(
      replicas.map(({ group }) => `${group} 1`).toSorted(),
    );
    expect(packing.usdPerHour / packing.lowerBoundUsdPerHour).toBeLessThan(1.05);
    expect(pack(replicas.toReversed(), sizes, noReservation)).toEqual(packing);
  });
});
