import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { allocate } from "../../../optimizer/inferno/allocate.ts";
import { sizeServers } from "../../../optimizer/inferno/candidates.ts";
import { generationModels } from "../../../optimizer/inferno/generation-models.ts";
import { largestRate } from "../../../optimizer/inferno/largest-rate.ts";
import { predictGeneration } from "../../../optimizer/models/continuous-batching/predict.ts";
import { performanceOf, systems } from "./random-systems.ts";

const parameters = { alphaMs: 8, betaMs: 0.1, gammaMs: 10, deltaMs: 0.05 };
const tokens = { inputTokens: 512, outputTokens: 128 };
const none = { itlMs: 0, ttftMs: 0, tokensPerSecond: 0 };

describe("the continuous-batching model on Inferno's parameters", () => {
  it("predicts the means of the model itself", () => {
    const model = generationModels()(performanceOf(parameters), tokens, 32);
    model.solve(0.004);
    const replica = {
      parameters,
      maxBatchSize: 32,
      maxBatchedTokens: 8192,
      traffic: [{ share: 1, ...tokens, outputDistribution: "geometric" as const }],
    };
    const { overall, utilisation } = predictGeneration(replica, 4);
    expect(model.itlMs).toBeCloseTo(overall.itlMs.mean, 9);
    expect(model.ttftMs).toBeCloseTo(overall.ttftMs.mean, 9);
    expect(model.rho).toBeCloseTo(utilisation, 9);
    expect(model.throughputPerMs).toBeCloseTo(0.004, 12);
  });

  it("takes as much load as its targets hold for, but for the margin, and no more", () => {
    const model = generationModels()(performanceOf(parameters), tokens, 32);
    for (const targets of [
      { ...none, ttftMs: 200 },
      { ...none, itlMs: 15 },
      { ...none, ttftMs: 300, itlMs: 18 },
    ]) {
      const rate = largestRate(model, targets);
      if (!rate.feasible) throw new RangeError("infeasible");
      model.solve(rate.arrivalsPerMs);
      expect(targets.ttftMs === 0 || model.ttftMs <= targets.ttftMs).toBe(true);
      expect(targets.itlMs === 0 || model.itlMs <= targets.itlMs).toBe(true);
      model.solve((rate.arrivalsPerMs / model.plannedShareOfRate) * 1.001);
      const breaks =
        (targets.ttftMs > 0 && model.ttftMs > targets.ttftMs) ||
        (targets.itlMs > 0 && model.itlMs > targets.itlMs);
      expect(breaks).toBe(true);
    }
  });

  it("leaves a tenth of a replica free where no target limits waiting: its queue has no end", () => {
    const model = generationModels()(performanceOf(parameters), tokens, 32);
    const rate = largestRate(model, none);
    if (!rate.feasible) throw new RangeError("infeasible");
    model.solve(rate.arrivalsPerMs);
    expect(model.rho).toBeLessThanOrEqual(0.9);
    expect(model.rho).toBeGreaterThan(0.89);
    expect(largestRate(model, { ...none, ttftMs: 1 })).toMatchObject({ feasible: false, broken: "ttft" });
  });

  it("sizes any system", async () => {
    await fc.assert(
      fc.asyncProperty(systems, async (system) => {
        const models = generationModels();
        const { allocations } = await allocate(system, sizeServers(system, { models }), {
          models,
          objective: "value",
          timeLimitMs: 0,
        });
        for (const one of allocations) {
          for (const value of [one.cost, one.value, one.itlMs, one.ttftMs, one.rho]) {
            expect(Number.isFinite(value)).toBe(true);
          }
        }
      }),
      { numRuns: 10 },
    );
  });
});
