import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { certain } from "../../../optimizer/certain.ts";
import type { OptimizeResult } from "../../../optimizer/allocation.ts";
import { optimize } from "../../../optimizer/optimize.ts";
import { pack } from "../../../optimizer/packing/pack.ts";
import type { ReplicaDemand } from "../../../optimizer/packing/replica-class.ts";
import type { OptimizeProblem } from "../../../optimizer/problem.ts";
import { candidatesOf } from "../../../optimizer/sizing/candidates.ts";
import type { GroupDemand, ReplicaShape } from "../../../optimizer/workload.ts";
import { group, instanceType, noReservation, problem, profile, workload } from "../problems.ts";

const one = instanceType({ name: "a.1", gpuCount: 1 });
const four = instanceType({ name: "a.4", gpuCount: 4, vcpuCount: 48, memoryGiB: 256, usdPerHour: 4.4 });
const eight = instanceType({ name: "a.8", gpuCount: 8, vcpuCount: 96, memoryGiB: 768, usdPerHour: 8 });
const eightWide = instanceType({ ...eight, name: "a.8wide", vcpuCount: 192, usdPerHour: 9 });
const instanceTypes = [one, four, eight];
const profiles = [2, 4, 8, 12, 16].map((gpusPerReplica) =>
  profile({ gpusPerReplica, alphaMs: 5 + 8 / gpusPerReplica }),
);

const spanning = (overrides: Partial<GroupDemand> = {}): GroupDemand =>
  group({ profiles, nodesPerReplica: 2, minReplicas: 1, ...overrides });
const solved = (overrides: Partial<OptimizeProblem>): OptimizeResult =>
  optimize(problem({ instanceTypes, ...overrides }));
const chosenOf = (result: OptimizeResult) => certain(result.allocations[0]).chosen;

describe("a replica that spans two nodes", () => {
  it("takes two whole nodes of one instance type, a pod on each", () => {
    const result = solved({ groups: [spanning({ gpusPerReplica: 16, minReplicas: 3 })] });
    expect(chosenOf(result)).toMatchObject({
      gpusPerReplica: 16,
      nodesPerReplica: 2,
      instanceType: "a.8",
      replicas: 3,
      gpuUsdPerHour: 48,
    });
    const pods = [{ group: "chat", count: 1 }];
    expect(result.nodePools).toEqual([
      {
        accelerator: "A",
        instanceType: "a.8",
        nodeCount: 6,
        usdPerHour: 48,
        nodes: Array.from({ length: 6 }, () => ({ replicas: pods })),
      },
    ]);
    expect(result.lowerBoundUsdPerHour).toBeCloseTo(48, 9);
  });

  it("may have any shape that divides by two and fills nodes, the cheapest first", () => {
    const { candidates, rejections } = candidatesOf(spanning(), problem({ instanceTypes }));
    expect(candidates.map(({ gpusPerReplica, instanceType: type }) => [gpusPerReplica, type])).toEqual([
      [2, "a.1"],
      [8, "a.4"],
      [16, "a.8"],
    ]);
    // Two pods of 6 cards would fill no node: those of 4 and of 8 are equally near.
    expect(rejections.find(({ gpusPerReplica }) => gpusPerReplica === 12)).toEqual({
      accelerator: "A",
      gpusPerReplica: 12,
      nodesPerReplica: 2,
      subject: "chat",
      constraint: "node",
      allowed: 4,
      reached: 6,
      unit: "GPU",
    });
  });

  it("asks for the resources of a pod, and fits where a pod does", () => {
    const asked: ReplicaShape[] = [];
    const resources = (shape: ReplicaShape) => {
      asked.push(shape);
      return { cpuMillis: 1000, memoryMiB: 500 * 1024 };
    };
    const { candidates } = candidatesOf(spanning({ resources }), problem({ instanceTypes }));
    expect(candidates.map(({ gpusPerReplica }) => gpusPerReplica)).toEqual([16]);
    expect(asked).toContainEqual({ accelerator: "A", gpusPerReplica: 8, weightsGiB: 5 });
  });

  it("is refused with the nearest numbers where its cards do not divide or no node has them", () => {
    const rejectionsOf = (overrides: Partial<GroupDemand>) =>
      certain(solved({ groups: [spanning(overrides)] }).unplaced[0]).rejections;
    expect(rejectionsOf({ gpusPerReplica: 15 })).toMatchObject([
      { constraint: "node", gpusPerReplica: 15, nodesPerReplica: 2, allowed: 14, reached: 15, unit: "GPU" },
    ]);
    expect(rejectionsOf({ gpusPerReplica: 12 })).toMatchObject([
      { constraint: "node", allowed: 4, reached: 6, unit: "GPU" },
    ]);
    expect(rejectionsOf({ gpusPerReplica: 6 })).toMatchObject([{ constraint: "profile", gpusPerReplica: 6 }]);
  });

  it("counts all its cards against the limit", () => {
    const groups = [spanning({ gpusPerReplica: 16 })];
    expect(solved({ groups, gpuLimits: { A: 16 } }).unplaced).toEqual([]);
    const [unplaced] = solved({ groups, gpuLimits: { A: 15 } }).unplaced;
    expect(unplaced?.rejections).toMatchObject([
      { constraint: "capacity", gpusPerReplica: 16, nodesPerReplica: 2, allowed: 15, reached: 16 },
    ]);
  });

  it("stays on one instance type where reserved nodes of each do not suffice for both", () => {
    const reserved = (counts: Record<string, number>) => ({
      purchase: [{ kind: "reserved", priceFraction: 0.5, mostNodes: counts } as const],
    });
    const types = [eight, eightWide];
    const groups = [spanning({ gpusPerReplica: 16 })];
    const split = solved({ groups, instanceTypes: types, nodeOptions: reserved({ "a.8": 1, "a.8wide": 1 }) });
    expect(split.unplaced).toHaveLength(1);
    const enough = solved({
      groups,
      instanceTypes: types,
      nodeOptions: reserved({ "a.8": 1, "a.8wide": 2 }),
    });
    expect(enough.nodePools.map(({ instanceType: type, nodeCount }) => [type, nodeCount])).toEqual([
      ["a.8wide", 2],
    ]);
  });

  it("is kept free, or off spot nodes, as a whole", () => {
    const demand: ReplicaDemand = {
      group: "chat",
      accelerator: "A",
      gpusPerReplica: 16,
      nodesPerReplica: 2,
      instanceType: "a.8",
      replicas: 3,
      cpuMillis: 1000,
      memoryMiB: 1000,
    };
    const spare = pack([demand], [eight], noReservation, {}, { headroomFraction: 0.1 });
    expect(spare.nodePools[0]?.nodes.filter((node) => node.spare)).toHaveLength(2);
    const spot = pack(
      [demand],
      [eight],
      noReservation,
      {},
      {
        purchase: [
          { kind: "on-demand", priceFraction: 1 },
          { kind: "spot", priceFraction: 0.3 },
        ],
        mostSpotFraction: 0.5,
      },
    );
    expect(spot.nodePools.map(({ purchase, nodeCount }) => [purchase, nodeCount])).toEqual([
      [undefined, 4],
      ["spot", 2],
    ]);
    const zones = pack([demand], [eight], noReservation, {}, { zones: ["a", "b", "c"] });
    expect(zones.nodePools.map(({ zone, nodeCount }) => [zone, nodeCount])).toEqual([
      ["a", 2],
      ["b", 2],
      ["c", 2],
    ]);
  });

  it("never shares its nodes or mixes their types, whatever else is placed", () => {
    const groups = fc.array(
      fc.record({
        nodes: fc.integer({ min: 1, max: 3 }),
        gpus: fc.constantFrom(1, 2, 4, 8, 12, 16, 24),
        rate: fc.integer({ min: 0, max: 4000 }),
        priority: fc.integer({ min: 1, max: 3 }),
      }),
      { minLength: 1, maxLength: 6 },
    );
    fc.assert(
      fc.property(groups, fc.integer({ min: 8, max: 200 }), fc.boolean(), (all, limit, isLimited) => {
        const demands = all.map(({ nodes, gpus, rate, priority }, index) =>
          group({
            id: `g${index}`,
            workloads: [
              workload({
                id: `g${index}`,
                priority,
                load: { requestsPerMinute: rate, inputTokens: 100, outputTokens: 100 },
              }),
            ],
            profiles: [1, 2, 4, 8, 12, 16, 24].map((gpusPerReplica) => profile({ gpusPerReplica })),
            minReplicas: 1,
            nodesPerReplica: nodes,
            gpusPerReplica: gpus,
          }),
        );
        const gpuLimits: Record<string, number> = isLimited ? { A: limit } : {};
        const types = [one, four, eight, eightWide];
        const asked = { groups: demands, gpuLimits, instanceTypes: types };
        const result = solved(asked);
        expect(solved({ ...asked, groups: demands.toReversed(), instanceTypes: types.toReversed() })).toEqual(
          result,
        );
        const nodes = result.nodePools.flatMap((pool) =>
          pool.nodes.map(({ replicas }) => ({ type: pool.instanceType, replicas })),
        );
        for (const { group: id, chosen } of result.allocations) {
          const { nodesPerReplica = 1, replicas } = chosen;
          const own = nodes.filter((node) => node.replicas.some((held) => held.group === id));
          const pods = own.flatMap((node) => node.replicas.filter((held) => held.group === id));
          expect(pods.reduce((sum, { count }) => sum + count, 0)).toBe(replicas * nodesPerReplica);
          if (nodesPerReplica === 1) continue;
          expect(new Set(own.map(({ type }) => type)).size).toBe(1);
          for (const node of own) expect(node.replicas).toEqual([{ group: id, count: 1 }]);
        }
        const cards = result.nodePools.reduce(
          (sum, pool) =>
            sum + pool.nodeCount * certain(types.find(({ name }) => name === pool.instanceType)).gpuCount,
          0,
        );
        if (isLimited) expect(cards).toBeLessThanOrEqual(limit);
        expect(result.lowerBoundUsdPerHour).toBeLessThanOrEqual(result.usdPerHour + 1e-9);
      }),
      { numRuns: 60 },
    );
  });
});

describe("a group whose cards are said", () => {
  it("runs in just this shape, and names its misses only", () => {
    const said = group({ profiles, gpusPerReplica: 4 });
    const { candidates } = candidatesOf(said, problem({ instanceTypes }));
    expect(candidates.map(({ gpusPerReplica }) => gpusPerReplica)).toEqual([4]);
    const tooWide = candidatesOf({ ...said, gpusPerReplica: 16 }, problem({ instanceTypes }));
    expect(tooWide.candidates).toEqual([]);
    expect(tooWide.rejections).toMatchObject([
      { gpusPerReplica: 16, constraint: "node", allowed: 8, reached: 16 },
    ]);
  });

  it("keeps what was excluded of this shape", () => {
    const excluded = [4, 8].map((gpusPerReplica) => ({
      accelerator: "A",
      gpusPerReplica,
      subject: "m",
      constraint: "heads" as const,
      allowed: 2,
      reached: gpusPerReplica,
      unit: "GPU" as const,
    }));
    const { rejections } = candidatesOf(
      group({ profiles: [profile()], excluded, gpusPerReplica: 4 }),
      problem({ instanceTypes }),
    );
    expect(rejections).toEqual([excluded[0]]);
  });
});
