import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { certain } from "../../../optimizer/certain.ts";
import { nodeTypesByAccelerator } from "../../../optimizer/packing/node-fit.ts";
import type { NodeType } from "../../../optimizer/packing/node-fit.ts";
import { NodeFilling } from "../../../optimizer/packing/node-filling.ts";
import { holds, replicaClasses } from "../../../optimizer/packing/replica-class.ts";
import type { ReplicaClass } from "../../../optimizer/packing/replica-class.ts";
import { noReservation } from "../problems.ts";
import { demands, types } from "./random-fleets.ts";

describe("filling a node", () => {
  it("finds the contents that are worth most, and a bound that nothing exceeds", () => {
    fc.assert(
      fc.property(
        types,
        demands(4),
        fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 5, maxLength: 5 }),
        (instanceTypes, replicas, values) => {
          const classes = replicaClasses(replicas);
          const [node] = certain(nodeTypesByAccelerator(instanceTypes, noReservation).get("A"));
          const worths = Float64Array.from(classes, (_, index) => certain(values[index]));
          const most = Float64Array.from(classes, (one) => one.replicas);
          const filling = new NodeFilling(certain(node), classes);
          const least = mostWorth(certain(node), classes, worths);
          for (const asked of [0, least / 2, least]) {
            const { bound, found } = filling.fill(worths, most, asked, 3);
            expect(bound).toBeGreaterThanOrEqual(least - 1e-6);
            expect(found.length > 0).toBe(least > asked + 1e-9);
            for (const [place, contents] of found.entries()) {
              const held = classes.map(() => 0);
              for (const [at, index] of contents.classes.entries())
                held[index] = certain(contents.counts[at]);
              expect(holds(certain(node), classes, held)).toBe(true);
              const worth = held.reduce((sum, count, index) => sum + count * certain(worths[index]), 0);
              expect(worth).toBeGreaterThan(asked);
              if (place === 0) expect(worth).toBeCloseTo(least, 6);
            }
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});

/** By trying all contents. */
function mostWorth(node: NodeType, classes: readonly ReplicaClass[], worths: Float64Array): number {
  const held = classes.map(() => 0);
  const visit = (index: number, worth: number): number => {
    if (!holds(node, classes, held)) return 0;
    if (index === classes.length) return worth;
    let best = 0;
    for (let count = 0; count <= certain(classes[index]).replicas; count++) {
      held[index] = count;
      best = Math.max(best, visit(index + 1, worth + count * certain(worths[index])));
    }
    held[index] = 0;
    return best;
  };
  return visit(0, 0);
}
