import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { certain } from "../../../optimizer/certain.ts";
import { allocatable } from "../../../optimizer/packing/allocatable.ts";
import { exactCover } from "../../../optimizer/packing/exact-cover.ts";
import { greedyCover } from "../../../optimizer/packing/greedy-cover.ts";
import { nodeTypesByAccelerator } from "../../../optimizer/packing/node-fit.ts";
import type { NodeType } from "../../../optimizer/packing/node-fit.ts";
import { pack } from "../../../optimizer/packing/pack.ts";
import type { Packing } from "../../../optimizer/packing/pack.ts";
import { replicaClasses } from "../../../optimizer/packing/replica-class.ts";
import { instanceType, noReservation } from "../problems.ts";
import { cheapestSplit } from "./cheapest-split.ts";
import { demand, demands, types } from "./random-fleets.ts";

const small = instanceType({ name: "a.1", gpuCount: 1, vcpuCount: 8, memoryGiB: 32, usdPerHour: 1 });
const medium = instanceType({ name: "a.4", gpuCount: 4, vcpuCount: 48, memoryGiB: 192, usdPerHour: 3.8 });
const large = instanceType({ name: "a.8", gpuCount: 8, vcpuCount: 96, memoryGiB: 384, usdPerHour: 7.2 });

const nodesOf = (packing: Packing) =>
  packing.nodePools.map(({ instanceType: name, nodeCount }) => `${nodeCount} ${name}`).toSorted();

describe("packing replicas onto nodes", () => {
  it("buys one large node where it is cheaper than several small ones", () => {
    const packing = pack([demand({ replicas: 8 })], [small, medium, large], noReservation);
    expect(nodesOf(packing)).toEqual(["1 a.8"]);
    expect(packing.usdPerHour).toBe(7.2);
  });

  it("mixes types so that what is left over stands on the cheapest node that holds it", () => {
    const packing = pack([demand({ replicas: 13 })], [small, medium, large], noReservation);
    expect(nodesOf(packing)).toEqual(["1 a.1", "1 a.4", "1 a.8"]);
  });

  it("lets groups share a node and says what stands on it", () => {
    const packing = pack(
      [demand({ group: "b", gpusPerReplica: 4 }), demand({ group: "a", gpusPerReplica: 2, replicas: 2 })],
      [small, medium, large],
      noReservation,
    );
    expect(packing.nodePools).toEqual([
      {
        accelerator: "A",
        instanceType: "a.8",
        nodeCount: 1,
        usdPerHour: 7.2,
        nodes: [
          {
            replicas: [
              { group: "a", count: 2 },
              { group: "b", count: 1 },
            ],
          },
        ],
      },
    ]);
  });

  it("puts fewer replicas on a node than it has cards where memory or pods run out", () => {
    const memory = pack([demand({ replicas: 4, memoryMiB: 150_000 })], [medium], noReservation);
    expect(nodesOf(memory)).toEqual(["4 a.4"]);
    const pods = pack([demand({ replicas: 4 })], [{ ...medium, maxPodCount: 2 }], noReservation);
    expect(nodesOf(pods)).toEqual(["2 a.4"]);
  });

  it("takes nodes with fewer cards where the cheapest ones would exceed the limit", () => {
    const cheapLarge = { ...large, usdPerHour: 2 };
    const packing = (limit: number) =>
      pack([demand({ replicas: 3 })], [small, cheapLarge], noReservation, { A: limit });
    expect(nodesOf(packing(8))).toEqual(["1 a.8"]);
    expect(nodesOf(packing(4))).toEqual(["3 a.1"]);
    expect(packing(2).unpacked).toEqual(["A"]);
  });

  it("reports accelerators whose replicas fit nowhere", () => {
    const packing = pack(
      [demand({ accelerator: "B" }), demand({ gpusPerReplica: 2 })],
      [small],
      noReservation,
    );
    expect(packing).toEqual({ nodePools: [], usdPerHour: 0, lowerBoundUsdPerHour: 0, unpacked: ["A", "B"] });
  });

  it("packs a thousand replicas of many groups", () => {
    const many = Array.from({ length: 20 }, (_, at) =>
      demand({
        group: `g${at}`,
        replicas: 50,
        gpusPerReplica: certain([1, 2, 4][at % 3]),
        cpuMillis: 900 + at,
      }),
    );
    const packing = pack(many, [small, medium, large], noReservation);
    const cards = many.reduce((sum, { replicas, gpusPerReplica }) => sum + replicas * gpusPerReplica, 0);
    expect(packing.usdPerHour).toBeGreaterThanOrEqual((cards / 8) * 7.2 - 1e-9);
    expect(packing.usdPerHour).toBeLessThanOrEqual((cards / 8) * 7.2 + 7.2);
  });

  it("never oversubscribes a node and places every replica whole", () => {
    fc.assert(
      fc.property(types, demands(30), (instanceTypes, replicas) => {
        const packing = pack(replicas, instanceTypes, noReservation);
        if (packing.unpacked.length > 0) return;
        const placed = new Map<string, number>();
        for (const pool of packing.nodePools) {
          const room = allocatable(
            certain(instanceTypes.find(({ name }) => name === pool.instanceType)),
            noReservation,
          );
          expect(pool.nodes).toHaveLength(pool.nodeCount);
          for (const node of pool.nodes) {
            const used = { cpuMillis: 0, memoryMiB: 0, gpuCount: 0, podCount: 0 };
            for (const { group, count } of node.replicas) {
              const one = certain(replicas.find((demanded) => demanded.group === group));
              used.cpuMillis += count * one.cpuMillis;
              used.memoryMiB += count * one.memoryMiB;
              used.gpuCount += count * one.gpusPerReplica;
              used.podCount += count;
              placed.set(group, (placed.get(group) ?? 0) + count);
            }
            for (const [key, amount] of Object.entries(used)) {
              expect(amount).toBeLessThanOrEqual(room[key as keyof typeof room]);
            }
          }
        }
        for (const { group, replicas: count } of replicas) expect(placed.get(group) ?? 0).toBe(count);
      }),
      { numRuns: 100 },
    );
  });

  it("costs no more when an instance type is added", () => {
    fc.assert(
      fc.property(types, types, demands(30), (instanceTypes, more, replicas) => {
        const added = more.map((one) => ({ ...one, name: `more-${one.name}` }));
        const before = pack(replicas, instanceTypes, noReservation);
        const after = pack(replicas, [...instanceTypes, ...added], noReservation);
        if (before.unpacked.length > 0) return;
        expect(after.usdPerHour).toBeLessThanOrEqual(before.usdPerHour + 1e-6);
      }),
      { numRuns: 100 },
    );
  });

  it("costs no less when a group needs more replicas", () => {
    fc.assert(
      fc.property(
        types,
        fc.integer({ min: 1, max: 200 }),
        fc.constantFrom(1, 2, 4),
        (all, replicas, cards) => {
          const cost = (count: number) =>
            pack([demand({ replicas: count, gpusPerReplica: cards })], all, noReservation).usdPerHour;
          expect(cost(replicas + 1)).toBeGreaterThanOrEqual(cost(replicas) - 1e-9);
        },
      ),
    );
  });

  it("does not depend on the order of anything", () => {
    fc.assert(
      fc.property(types, demands(30), (instanceTypes, replicas) => {
        const shuffled = pack(replicas.toReversed(), instanceTypes.toReversed(), noReservation);
        expect(shuffled).toEqual(pack(replicas, instanceTypes, noReservation));
      }),
    );
  });
});

describe("the exact cover", () => {
  const usdPerHour = ({ instanceType: { usdPerHour: usd } }: NodeType) => usd;

  it("is as cheap as the best of all ways to split the replicas among nodes", () => {
    fc.assert(
      fc.property(types, demands(2), (instanceTypes, replicas) => {
        const classes = replicaClasses(replicas.slice(0, 3));
        const nodeTypes = certain(nodeTypesByAccelerator(instanceTypes, noReservation).get("A"));
        const found = exactCover({ classes, nodeTypes, limits: [] }, usdPerHour);
        const cost = found?.reduce((sum, one) => sum + one.nodeCount * usdPerHour(one.node), 0) ?? Infinity;
        expect(cost).toBeCloseTo(cheapestSplit(classes, nodeTypes), 6);
        const greedy = greedyCover({ classes, nodeTypes, limits: [] }, usdPerHour);
        const greedyCost =
          greedy?.reduce((sum, one) => sum + one.nodeCount * usdPerHour(one.node), 0) ?? Infinity;
        expect(greedyCost).toBeGreaterThanOrEqual(cost - 1e-9);
      }),
      { numRuns: 150 },
    );
  });
});
