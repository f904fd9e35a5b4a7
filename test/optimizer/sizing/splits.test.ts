import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { partName, partsOf } from "../../../optimizer/allocation.ts";
import { certain } from "../../../optimizer/certain.ts";
import { optimize } from "../../../optimizer/optimize.ts";
import type { OptimizeProblem } from "../../../optimizer/problem.ts";
import { candidatesOf } from "../../../optimizer/sizing/candidates.ts";
import { group, instanceType, problem, profile, workload } from "../problems.ts";

const profiles = [
  profile({ accelerator: "A" }),
  profile({ accelerator: "B", alphaMs: 12, betaMs: 0.6, gammaMs: 14 }),
];
const instanceTypes = [
  instanceType({ name: "a.8", accelerator: "A", gpuCount: 8, vcpuCount: 96, memoryGiB: 768, usdPerHour: 8 }),
  instanceType({ name: "b.1", accelerator: "B", usdPerHour: 1.1 }),
];
const load = (requestsPerMinute: number) => ({ requestsPerMinute, inputTokens: 100, outputTokens: 100 });
const slo = { ttftMeanMs: 60, itlMeanMs: 15 };
const demand = (requestsPerMinute: number, maySplit: boolean, overrides = {}) =>
  group({ workloads: [workload({ slo, load: load(requestsPerMinute) })], profiles, maySplit, ...overrides });
const solved = (requestsPerMinute: number, maySplit: boolean, overrides: Partial<OptimizeProblem> = {}) =>
  optimize(problem({ groups: [demand(requestsPerMinute, maySplit)], instanceTypes, ...overrides }));

describe("a group that may be split", () => {
  it("runs on a second accelerator where one does not have cards enough", () => {
    const gpuLimits = { A: 8, B: 8 };
    const rate =
      1.1 *
      certain(candidatesOf(demand(1, false), problem({ instanceTypes })).candidates[0])
        .maxRequestsPerMinutePerReplica *
      8;
    expect(solved(rate, false, { gpuLimits }).allocations).toEqual([]);
    const { allocations, nodePools } = solved(rate, true, { gpuLimits });
    const { chosen } = certain(allocations[0]);
    expect(
      partsOf(chosen)
        .map(({ accelerator }) => accelerator)
        .toSorted(),
    ).toEqual(["A", "B"]);
    expect(nodePools.map(({ instanceType: type }) => type)).toEqual(["a.8", "b.1"]);
    const onNodes = nodePools.flatMap(({ nodes }) => nodes.flatMap(({ replicas }) => replicas));
    for (const [position, part] of partsOf(chosen).entries()) {
      const name = partName("chat", part, position);
      const count = onNodes.filter(({ group: one }) => one === name).reduce((sum, one) => sum + one.count, 0);
      expect(count).toBe(part.replicas);
    }
  });

  it("fills its last node with a few replicas of another kind where that is cheaper", () => {
    const perReplica = certain(
      candidatesOf(demand(1, false), problem({ instanceTypes })).candidates.find(
        ({ accelerator }) => accelerator === "A",
      ),
    ).maxRequestsPerMinutePerReplica;
    const whole = solved(8.5 * perReplica, false);
    const split = solved(8.5 * perReplica, true);
    expect(split.usdPerHour).toBeLessThanOrEqual(whole.usdPerHour);
  });

  it("holds every target in both parts, each at its share of the load", () => {
    const { candidates } = candidatesOf(demand(6000, true), problem({ instanceTypes }));
    const splits = candidates.filter(({ parts }) => parts);
    expect(splits.length).toBeGreaterThan(0);
    for (const split of splits) {
      for (const part of partsOf(split)) {
        expect(certain(part.predictions[0]).ttft.meanMs).toBeLessThanOrEqual(60 * (1 + 1e-6));
        expect(certain(part.predictions[0]).itl.meanMs).toBeLessThanOrEqual(15 * (1 + 1e-6));
      }
      const carried = partsOf(split).reduce(
        (sum, part) => sum + part.replicas * part.maxRequestsPerMinutePerReplica,
        0,
      );
      expect(carried).toBeGreaterThanOrEqual(6000 * (1 - 1e-9));
    }
  });

  it.each([
    ["nobody asked for it", demand(6000, false)],
    ["the spec says how many replicas there are", demand(6000, true, { fixedReplicas: 12 })],
    [
      "loads differ by the hour",
      demand(6000, true, { periods: [{ fromHour: 0, requestsPerMinute: { chat: 6000 } }] }),
    ],
  ])("stays whole where %s", (_, one) => {
    const { candidates } = candidatesOf(one, problem({ instanceTypes }));
    expect(candidates.length).toBeGreaterThan(0);
    expect(candidates.some(({ parts }) => parts)).toBe(false);
  });

  it("never costs more than whole, and is placed wherever it is whole", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 10, max: 40_000, noNaN: true }),
        fc.tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 20 })),
        fc.dictionary(fc.constantFrom("A", "B"), fc.integer({ min: 0, max: 40 })),
        (rate, [large, small], gpuLimits) => {
          const priced = [
            { ...certain(instanceTypes[0]), usdPerHour: large },
            { ...certain(instanceTypes[1]), usdPerHour: small / 5 },
          ];
          const whole = solved(rate, false, { instanceTypes: priced, gpuLimits });
          const split = solved(rate, true, { instanceTypes: priced, gpuLimits });
          expect(split.allocations.length).toBeGreaterThanOrEqual(whole.allocations.length);
          if (whole.allocations.length > 0)
            expect(split.usdPerHour).toBeLessThanOrEqual(whole.usdPerHour + 1e-9);
        },
      ),
      { numRuns: 40 },
    );
  });
});
