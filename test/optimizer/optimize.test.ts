import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { certain } from "../../optimizer/certain.ts";
import type { OptimizeResult } from "../../optimizer/allocation.ts";
import type { OptimizeProblem } from "../../optimizer/problem.ts";
import { optimize } from "../../optimizer/optimize.ts";
import type { GroupDemand } from "../../optimizer/workload.ts";
import { group, instanceType, platformProblem, problem, profile, workload } from "./problems.ts";

const twoAccelerators = [
  instanceType({ name: "a.1", accelerator: "A", usdPerHour: 1 }),
  instanceType({ name: "b.8", accelerator: "B", gpuCount: 8, vcpuCount: 96, memoryGiB: 768, usdPerHour: 6 }),
];
const onBoth = [profile({ accelerator: "A" }), profile({ accelerator: "B" })];
const named = (id: string, overrides: Partial<GroupDemand> = {}, priority = 1) =>
  group({ id, workloads: [workload({ id, priority })], profiles: onBoth, ...overrides });

const chosenOn = (result: OptimizeResult) =>
  Object.fromEntries(result.allocations.map(({ group: id, chosen }) => [id, chosen.accelerator]));

describe("optimising a platform", () => {
  it("takes the cheapest nodes, not the cheapest cards", () => {
    const result = optimize(problem({ groups: [named("one")], instanceTypes: twoAccelerators }));
    expect(chosenOn(result)).toEqual({ one: "A" });
    expect(result.usdPerHour).toBe(1);
    expect(result.nodePools).toMatchObject([{ instanceType: "a.1", nodeCount: 1 }]);
  });

  it("gathers groups on a large node where that is cheaper than a small one for each", () => {
    const groups = Array.from({ length: 7 }, (_, at) => named(`g${at}`));
    const result = optimize(problem({ groups, instanceTypes: twoAccelerators }));
    expect(new Set(Object.values(chosenOn(result)))).toEqual(new Set(["B"]));
    expect(result.usdPerHour).toBe(6);
  });

  it("says what every other choice would add to the cost of the nodes", () => {
    const result = optimize(problem({ groups: [named("one")], instanceTypes: twoAccelerators }));
    const [{ alternatives }] = result.allocations as [OptimizeResult["allocations"][number]];
    expect(alternatives).toMatchObject([{ candidate: { accelerator: "B" }, extraUsdPerHour: 5 }]);
  });

  it("gives scarce cards to the most important group, and tells the other what is missing", () => {
    const groups = [
      named("free", { profiles: [profile()] }, 100),
      named("premium", { profiles: [profile()] }, 1),
    ];
    const result = optimize(problem({ groups, instanceTypes: twoAccelerators, gpuLimits: { A: 1 } }));
    expect(chosenOn(result)).toEqual({ premium: "A" });
    expect(result.unplaced).toEqual([
      {
        group: "free",
        rejections: [
          {
            accelerator: "A",
            gpusPerReplica: 1,
            subject: "free",
            constraint: "capacity",
            allowed: 1,
            reached: 2,
            unit: "GPU",
          },
        ],
      },
    ]);
  });

  it("moves an important group to dearer cards so that one with no choice is served too", () => {
    const groups = [named("premium", {}, 1), named("free", { profiles: [profile()] }, 100)];
    const result = optimize(problem({ groups, instanceTypes: twoAccelerators, gpuLimits: { A: 1 } }));
    expect(chosenOn(result)).toEqual({ premium: "B", free: "A" });
    expect(result.unplaced).toEqual([]);
  });

  it("counts the cards of nodes against the limits, since those are what must exist", () => {
    const groups = [named("one", { profiles: [profile({ accelerator: "B" })] })];
    const result = optimize(problem({ groups, instanceTypes: twoAccelerators, gpuLimits: { B: 4 } }));
    expect(certain(result.unplaced[0]).rejections).toMatchObject([
      { constraint: "capacity", allowed: 4, reached: 8 },
    ]);
  });

  it("leaves a group without any feasible shape unplaced, nearest miss first", () => {
    const slow = named("slow", { workloads: [workload({ slo: { itlMeanMs: 1 } })] });
    const result = optimize(problem({ groups: [slow], instanceTypes: twoAccelerators }));
    expect(result).toMatchObject({ allocations: [], nodePools: [], usdPerHour: 0 });
    expect(certain(result.unplaced[0]).rejections.map(({ constraint }) => constraint)).toEqual([
      "itlMean",
      "itlMean",
    ]);
  });

  it("answers an empty problem", () => {
    const result = optimize(problem({ groups: [] }));
    expect(result).toEqual({
      allocations: [],
      unplaced: [],
      nodePools: [],
      usdPerHour: 0,
      lowerBoundUsdPerHour: 0,
      scarce: [],
    });
  });
});

const randomGroups = fc
  .array(
    fc.record({
      accelerators: fc.subarray(["A", "B", "C"], { minLength: 1 }),
      gpusPerReplica: fc.constantFrom(1, 2, 4),
      requestsPerMinute: fc.constantFrom(0, 30, 400, 3000),
      priority: fc.constantFrom(1, 10, 100),
      ttftMeanMs: fc.constantFrom(15, 60, 1000),
      minReplicas: fc.integer({ min: 0, max: 2 }),
    }),
    { minLength: 1, maxLength: 4 },
  )
  .map((all) =>
    all.map((one, at) =>
      group({
        id: `g${at}`,
        minReplicas: one.minReplicas,
        workloads: [
          workload({
            id: `g${at}`,
            priority: one.priority,
            slo: { ttftMeanMs: one.ttftMeanMs },
            load: { requestsPerMinute: one.requestsPerMinute, inputTokens: 100, outputTokens: 100 },
          }),
        ],
        profiles: one.accelerators.flatMap((accelerator) => [
          profile({ accelerator, gpusPerReplica: one.gpusPerReplica }),
          profile({
            accelerator,
            gpusPerReplica: 2 * one.gpusPerReplica,
            alphaMs: 5,
            betaMs: 0.3,
            deltaMs: 0.06,
          }),
        ]),
      }),
    ),
  );

const randomProblems = fc
  .record({
    groups: randomGroups,
    prices: fc.tuple(...Array.from({ length: 6 }, () => fc.integer({ min: 1, max: 30 }))),
    limits: fc.dictionary(fc.constantFrom("A", "B", "C"), fc.integer({ min: 0, max: 40 })),
  })
  .map(({ groups, prices, limits }): OptimizeProblem => {
    const instanceTypes = ["A", "B", "C"].flatMap((accelerator, at) => [
      instanceType({ name: `${accelerator}.1`, accelerator, usdPerHour: certain(prices[at]) }),
      instanceType({
        name: `${accelerator}.8`,
        accelerator,
        gpuCount: 8,
        vcpuCount: 96,
        memoryGiB: 768,
        usdPerHour: 5 * certain(prices[at + 3]),
      }),
    ]);
    return problem({ groups, instanceTypes, gpuLimits: limits });
  });

describe("for any platform, optimising", () => {
  it("keeps within the limits, places every replica it plans, and never both places and rejects a group", () => {
    fc.assert(
      fc.property(randomProblems, (one) => {
        const result = optimize(one);
        const cards = new Map<string, number>();
        const onNodes = new Map<string, number>();
        for (const pool of result.nodePools) {
          const { gpuCount } = certain(one.instanceTypes.find(({ name }) => name === pool.instanceType));
          cards.set(pool.accelerator, (cards.get(pool.accelerator) ?? 0) + gpuCount * pool.nodeCount);
          for (const { replicas } of pool.nodes) {
            for (const { group: id, count } of replicas) onNodes.set(id, (onNodes.get(id) ?? 0) + count);
          }
        }
        for (const [accelerator, limit] of Object.entries(one.gpuLimits)) {
          expect(cards.get(accelerator) ?? 0).toBeLessThanOrEqual(limit);
        }
        for (const { group: id, chosen } of result.allocations)
          expect(onNodes.get(id) ?? 0).toBe(chosen.replicas);
        const named = [...result.allocations, ...result.unplaced].map(({ group: id }) => id).toSorted();
        expect(named).toEqual(one.groups.map(({ id }) => id).toSorted());
        for (const { rejections } of result.unplaced) expect(rejections.length).toBeGreaterThan(0);
      }),
    );
  });

  it("finds no cheaper single change than what it chose", () => {
    fc.assert(
      fc.property(randomProblems, (one) => {
        for (const { alternatives } of optimize(one).allocations) {
          for (const { extraUsdPerHour } of alternatives)
            expect(extraUsdPerHour).toBeGreaterThanOrEqual(-1e-6);
        }
      }),
    );
  });

  it("gives the identical answer whatever the order of the problem", () => {
    fc.assert(
      fc.property(randomProblems, (one) => {
        const shuffled: OptimizeProblem = {
          ...one,
          groups: one.groups.toReversed().map((each) => ({ ...each, profiles: each.profiles.toReversed() })),
          accelerators: one.accelerators.toReversed(),
          instanceTypes: one.instanceTypes.toReversed(),
          gpuLimits: Object.fromEntries(Object.entries(one.gpuLimits).toReversed()),
        };
        expect(optimize(shuffled)).toEqual(optimize(one));
      }),
    );
  });

  it("serves as many important groups with unimportant ones beside them as without", () => {
    fc.assert(
      fc.property(randomProblems, (one) => {
        const important = one.groups.filter(({ workloads }) => certain(workloads[0]).priority === 1);
        const alone = optimize({ ...one, groups: important }).allocations.length;
        const ids = new Set(important.map(({ id }) => id));
        const together = optimize(one).allocations.filter(({ group: id }) => ids.has(id)).length;
        expect(together).toBe(alone);
      }),
    );
  });

  it("costs a single group no less for more load, and no more with an accelerator added", () => {
    fc.assert(
      fc.property(randomProblems, fc.double({ min: 1, max: 5, noNaN: true }), (one, factor) => {
        const unlimited = { ...one, gpuLimits: {}, groups: one.groups.slice(0, 1) };
        const grown = unlimited.groups.map((each) => ({
          ...each,
          workloads: each.workloads.map((each) => ({
            ...each,
            load: { ...each.load, requestsPerMinute: each.load.requestsPerMinute * factor },
          })),
        }));
        const result = optimize(unlimited);
        expect(optimize({ ...unlimited, groups: grown }).usdPerHour).toBeGreaterThanOrEqual(
          result.usdPerHour - 1e-6,
        );
        const fewer = optimize({ ...unlimited, accelerators: unlimited.accelerators.slice(1) });
        if (fewer.allocations.length > 0) {
          expect(result.usdPerHour).toBeLessThanOrEqual(fewer.usdPerHour + 1e-6);
        }
      }),
    );
  });
});

describe("a production platform on the newest catalog", () => {
  it("is placed whole, within its limits and targets", () => {
    const one = platformProblem();
    const result = optimize(one);
    expect(result.unplaced).toEqual([]);
    for (const { group: id, chosen } of result.allocations) {
      for (const { slo, id: workloadId } of certain(one.groups.find((each) => each.id === id)).workloads) {
        const prediction = certain(chosen.predictions.find((each) => each.workload === workloadId));
        expect(prediction.ttft.p95Ms).toBeLessThanOrEqual(slo.ttftP95Ms ?? Infinity);
        expect(prediction.itl.meanMs).toBeLessThanOrEqual(slo.itlMeanMs ?? Infinity);
        expect(prediction.itl.p95Ms).toBeLessThanOrEqual(slo.itlP95Ms ?? Infinity);
        expect(prediction.latency.p95Ms).toBeLessThanOrEqual(slo.latencyP95Ms ?? Infinity);
      }
    }
    const lowerBound = result.allocations.reduce((sum, { chosen }) => sum + chosen.gpuUsdPerHour, 0);
    expect(result.usdPerHour).toBeGreaterThanOrEqual(lowerBound - 1e-6);
  });
});
