import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { certain } from "../../../optimizer/certain.ts";
import { usdPerHourOf } from "../../../optimizer/packing/cover-problem.ts";
import { nodeTypesByAccelerator } from "../../../optimizer/packing/node-fit.ts";
import { packAccelerator } from "../../../optimizer/packing/pack.ts";
import { provenCover } from "../../../optimizer/packing/proven-cover.ts";
import { replicaClasses } from "../../../optimizer/packing/replica-class.ts";
import { noReservation } from "../problems.ts";
import { cheapestSplit } from "./cheapest-split.ts";
import { demands, types } from "./random-fleets.ts";

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
});
