import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { cohortsOf, servableByLevel } from "../../../optimizer/assignment/cohorts.ts";
import { compileProblem } from "../../../optimizer/assignment/compiled-problem.ts";
import { buildCoreModel } from "../../../optimizer/assignment/core-model.ts";
import { CuttingPlaneModel } from "../../../optimizer/assignment/cutting-plane-model.ts";
import { excessCosts } from "../../../optimizer/assignment/excess-costs.ts";
import { createHighsSolver } from "../../../optimizer/assignment/highs-solver.ts";
import { regretGreedy } from "../../../optimizer/assignment/regret-greedy.ts";
import { bestPrices, boundAt } from "../../../optimizer/assignment/prices.ts";
import { scoreOf } from "../../../optimizer/assignment/score.ts";
import { costOf, countsOf } from "../../../optimizer/assignment/stage-counts.ts";
import { StageBuilder } from "../../../optimizer/assignment/stage.ts";
import type { Stage } from "../../../optimizer/assignment/stage.ts";
import { certain } from "../../../optimizer/certain.ts";
import { randomFleet } from "./random-problems.ts";

const highs = await createHighsSolver();
const noLimit = { evaluations: 5_000, secondsLeft: () => 60 };

/** The stages of a fleet, as a search from the greedy assignment meets them. */
const stages = fc
  .record({
    servers: fc.integer({ min: 5, max: 60 }),
    seed: fc.nat(1_000_000),
    capacityPercent: fc.constantFrom(30, 45, 70),
    change: fc.boolean(),
    level: fc.nat(4),
  })
  .map(({ level, ...settings }) => {
    const problem = compileProblem(randomFleet(settings));
    const cohorts = cohortsOf(problem);
    const chosen = regretGreedy(problem);
    const { served } = scoreOf(problem, chosen);
    const builder = new StageBuilder(problem, cohorts, servableByLevel(problem, cohorts));
    const goal = level < served.length ? ({ kind: "served", level } as const) : ({ kind: "value" } as const);
    const required = served.map((count, at) => (goal.kind === "value" || at < level ? count : 0));
    const stage = builder.build(goal, required);
    return { stage, feasibleCost: costOf(stage, countsOf(problem, stage, chosen)) };
  });

/** Least cost of the stage in whole numbers. */
const leastCost = (stage: Stage) => {
  const free = { column: new Float64Array(stage.option.length), none: noneOf(stage) };
  const { mip, fixedCost } = buildCoreModel(stage, free, 1);
  return highs(mip, { seconds: 60, absoluteGap: 1e-7 }).bound + fixedCost;
};

const noneOf = (stage: Stage) =>
  Float64Array.from(stage.duty, (duty) => (duty === -1 ? Number.POSITIVE_INFINITY : 0));

describe("prices of capacity", () => {
  it("bound every answer to a stage, and are best where no small change raises the bound", () => {
    fc.assert(
      fc.property(stages, ({ stage, feasibleCost }) => {
        const { price, bound } = bestPrices(stage, noLimit);
        const tolerance = 1e-7 * Math.max(1, Math.abs(bound));
        expect(bound).toBeLessThanOrEqual(feasibleCost + tolerance);
        expect(bound).toBeLessThanOrEqual(leastCost(stage) + tolerance);
        expect(price.every((one) => one >= 0)).toBe(true);
        const slope = new Float64Array(price.length);
        for (const [at, one] of price.entries()) {
          for (const changed of [one * 1.001, one * 0.999, one + 1e-6]) {
            const nearby = price.slice();
            nearby[at] = changed;
            expect(boundAt(stage, nearby, slope)).toBeLessThanOrEqual(bound + tolerance);
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  it("charge each choice the excess that an answer with it costs more than the bound", () => {
    fc.assert(
      fc.property(stages, ({ stage }) => {
        const { price, bound } = bestPrices(stage, { ...noLimit, evaluations: 5 });
        const excess = excessCosts(stage, price);
        expect(excess.column.every((one) => one >= 0)).toBe(true);
        const cost = leastCost(stage);
        const core = buildCoreModel(stage, excess, cost - bound + 1e-6);
        const found = highs(core.mip, { seconds: 60, absoluteGap: 1e-7 });
        // Even prices that are far from the best must leave the best answer open.
        expect(found.bound + core.fixedCost).toBeCloseTo(cost, 5);
      }),
      { numRuns: 40 },
    );
  });
});

describe("a model of cutting planes", () => {
  it("finds the highest point under planes within a box", () => {
    const model = new CuttingPlaneModel(2);
    model.add(0, Float64Array.of(1, 2));
    model.add(10, Float64Array.of(-1, 0));
    model.add(12, Float64Array.of(0, -3));
    const { point, height } = model.maximum(Float64Array.of(0, 0), Float64Array.of(100, 100));
    expect(height).toBeCloseTo(6.75, 9);
    // Where the first plane meets the other two: x + 2y = 10 - x = 12 - 3y.
    expect([...point]).toEqual([expect.closeTo(3.25, 9), expect.closeTo(1.75, 9)]);
  });

  it("is below every plane and as high as any point of the box", () => {
    const numbers = fc.integer({ min: -20, max: 20 });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(numbers, numbers, numbers, numbers), { minLength: 1, maxLength: 12 }),
        fc.array(
          fc.tuple(
            fc.double({ min: 0, max: 5, noNaN: true }),
            fc.double({ min: 0, max: 5, noNaN: true }),
            fc.double({ min: 0, max: 5, noNaN: true }),
          ),
          { minLength: 20, maxLength: 20 },
        ),
        (planes, points) => {
          const model = new CuttingPlaneModel(3);
          const floor = Float64Array.of(0, 0, 0);
          const ceiling = Float64Array.of(5, 5, 5);
          const heightAt = (point: ArrayLike<number>) =>
            Math.min(
              ...planes.map(
                ([height, ...slope]) =>
                  height + slope.reduce((sum, one, at) => sum + one * certain(point[at]), 0),
              ),
            );
          let highest: { readonly point: Float64Array; readonly height: number } = {
            point: floor,
            height: Number.POSITIVE_INFINITY,
          };
          for (const [height, ...slope] of planes) {
            model.add(height, Float64Array.from(slope));
            const next = model.maximum(floor, ceiling);
            expect(next.height).toBeLessThanOrEqual(highest.height + 1e-7);
            highest = next;
          }
          expect(heightAt(highest.point)).toBeCloseTo(highest.height, 6);
          for (const point of points) expect(heightAt(point)).toBeLessThanOrEqual(highest.height + 1e-6);
        },
      ),
      { numRuns: 500 },
    );
  });
});
