import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { certain } from "../../../optimizer/certain.ts";
import { allocatable } from "../../../optimizer/packing/allocatable.ts";
import type { NodeOptions } from "../../../optimizer/packing/node-options.ts";
import { pack } from "../../../optimizer/packing/pack.ts";
import type { Packing } from "../../../optimizer/packing/pack.ts";
import { instanceType, noReservation } from "../problems.ts";
import { demand, demands, types } from "./random-fleets.ts";

const small = instanceType({ name: "a.1", gpuCount: 1, vcpuCount: 8, memoryGiB: 32, usdPerHour: 1 });
const large = instanceType({ name: "a.8", gpuCount: 8, vcpuCount: 96, memoryGiB: 384, usdPerHour: 7.2 });

const onDemand = { kind: "on-demand", priceFraction: 1 } as const;
const spot = { kind: "spot", priceFraction: 0.4 } as const;

const nodesOf = (packing: Packing) =>
  packing.nodePools
    .map(
      ({ instanceType: name, purchase = "on-demand", zone, nodeCount }) =>
        `${nodeCount} ${purchase} ${name}${zone === undefined ? "" : ` in ${zone}`}`,
    )
    .toSorted();

/** Replicas of a group by what their pool says, headroom left out. */
function replicasBy(packing: Packing, group: string, of: "zone" | "purchase"): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const pool of packing.nodePools) {
    for (const { replicas } of pool.nodes) {
      const count = replicas.find((held) => held.group === group)?.count ?? 0;
      const key = pool[of] ?? "default";
      counts[key] = (counts[key] ?? 0) + count;
    }
  }
  return counts;
}

describe("node options", () => {
  it("take reserved nodes as far as they go, then others", () => {
    const reserved = { kind: "reserved", priceFraction: 0.5, mostNodes: { "a.8": 1 } } as const;
    const packing = pack(
      [demand({ replicas: 17 })],
      [small, large],
      noReservation,
      {},
      {
        purchase: [onDemand, reserved],
      },
    );
    expect(nodesOf(packing)).toEqual(["1 on-demand a.1", "1 on-demand a.8", "1 reserved a.8"]);
    expect(packing.usdPerHour).toBeCloseTo(3.6 + 7.2 + 1, 9);
    expect(packing.lowerBoundUsdPerHour).toBeCloseTo(packing.usdPerHour, 9);
  });

  it("keep replicas off spot nodes beyond the share that may be lost at once", () => {
    const packing = pack(
      [demand({ replicas: 8 })],
      [small],
      noReservation,
      {},
      {
        purchase: [onDemand, spot],
        mostSpotFraction: 0.5,
      },
    );
    expect(nodesOf(packing)).toEqual(["4 on-demand a.1", "4 spot a.1"]);
    expect(packing.usdPerHour).toBeCloseTo(5.6, 9);
  });

  it("fail where the only nodes are spot nodes and not all replicas may stand on them", () => {
    const options = { purchase: [spot], mostSpotFraction: 0.5 };
    expect(pack([demand({ replicas: 2 })], [small], noReservation, {}, options).unpacked).toEqual(["A"]);
  });

  it("keep the limit on cards over all zones together", () => {
    const options = { zones: ["a", "b"] };
    const within = pack([demand({ replicas: 2 })], [small, large], noReservation, { A: 2 }, options);
    expect(nodesOf(within)).toEqual(["1 on-demand a.1 in a", "1 on-demand a.1 in b"]);
    const cheapLarge = { ...large, usdPerHour: 0.5 };
    const tight = pack([demand({ replicas: 4 })], [small, cheapLarge], noReservation, { A: 10 }, options);
    expect(nodesOf(tight)).toEqual(["1 on-demand a.8 in a", "2 on-demand a.1 in b"]);
    expect(tight.usdPerHour).toBeCloseTo(2.5, 9);
  });

  it("keep room for more replicas without counting them as running", () => {
    const packing = pack([demand({ replicas: 4 })], [large], noReservation, {}, { headroomFraction: 0.3 });
    expect(packing.nodePools).toEqual([
      {
        accelerator: "A",
        instanceType: "a.8",
        nodeCount: 1,
        usdPerHour: 7.2,
        nodes: [{ replicas: [{ group: "g", count: 4 }], spare: [{ group: "g", count: 2 }] }],
      },
    ]);
  });

  const options: fc.Arbitrary<NodeOptions> = fc.record(
    {
      purchase: fc.constantFrom(
        [onDemand],
        [onDemand, spot],
        [onDemand, { kind: "reserved", priceFraction: 0.6, mostNodes: { t0: 2, t1: 1 } } as const],
        [onDemand, spot, { kind: "reserved", priceFraction: 0.3, mostNodes: { t0: 1 } } as const],
      ),
      mostSpotFraction: fc.constantFrom(0, 0.3, 0.5, 1),
      zones: fc.constantFrom(["a"], ["b", "a"], ["c", "a", "b"]),
      headroomFraction: fc.constantFrom(0, 0.1, 0.5),
    },
    { requiredKeys: [] },
  );

  it("hold in every packing: shares, zones, headroom, limits and the rooms of the nodes", () => {
    fc.assert(
      fc.property(
        types,
        demands(12),
        options,
        fc.constantFrom(8, 64, 512),
        (instances, replicas, asked, limit) => {
          const packing = pack(replicas, instances, noReservation, { A: limit }, asked);
          if (packing.unpacked.length > 0) return;
          expect(packing.lowerBoundUsdPerHour).toBeLessThanOrEqual(packing.usdPerHour + 1e-9);
          let cards = 0;
          for (const pool of packing.nodePools) {
            const type = certain(instances.find(({ name }) => name === pool.instanceType));
            const offer = asked.purchase?.find(({ kind }) => kind === (pool.purchase ?? "on-demand"));
            const price = type.usdPerHour * (offer?.priceFraction ?? 1);
            expect(pool.usdPerHour).toBeCloseTo(pool.nodeCount * price, 6);
            cards += pool.nodeCount * type.gpuCount;
            const room = allocatable(type, noReservation);
            for (const { replicas: running, spare = [] } of pool.nodes) {
              const used = { cpuMillis: 0, memoryMiB: 0, gpuCount: 0, podCount: 0 };
              for (const { group, count } of [...running, ...spare]) {
                const one = certain(replicas.find((demanded) => demanded.group === group));
                used.cpuMillis += count * one.cpuMillis;
                used.memoryMiB += count * one.memoryMiB;
                used.gpuCount += count * one.gpusPerReplica;
                used.podCount += count;
              }
              for (const [key, amount] of Object.entries(used)) {
                expect(amount).toBeLessThanOrEqual(room[key as keyof typeof room]);
              }
            }
          }
          expect(cards).toBeLessThanOrEqual(limit);
          for (const { kind, mostNodes = {} } of asked.purchase ?? []) {
            for (const [name, most] of Object.entries(mostNodes)) {
              const nodes = packing.nodePools
                .filter((pool) => pool.instanceType === name && pool.purchase === kind)
                .reduce((sum, { nodeCount }) => sum + nodeCount, 0);
              expect(nodes).toBeLessThanOrEqual(most);
            }
          }
          for (const { group, replicas: count } of replicas) {
            const byZone = replicasBy(packing, group, "zone");
            expect(Object.values(byZone).reduce((sum, one) => sum + one, 0)).toBe(count);
            if (asked.zones) {
              const inZones = asked.zones.map((zone) => byZone[zone] ?? 0);
              expect(Math.max(...inZones) - Math.min(...inZones)).toBeLessThanOrEqual(1);
            }
            const onSpot = replicasBy(packing, group, "purchase")["spot"] ?? 0;
            expect(onSpot).toBeLessThanOrEqual((asked.mostSpotFraction ?? 1) * count + 1e-9);
            const spare = packing.nodePools
              .flatMap(({ nodes }) => nodes.flatMap((node) => node.spare ?? []))
              .filter((one) => one.group === group)
              .reduce((sum, one) => sum + one.count, 0);
            expect(spare).toBe(Math.max(0, Math.ceil(count * (asked.headroomFraction ?? 0) - 1e-9)));
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  it("give the same nodes whatever their order and that of the demands", () => {
    fc.assert(
      fc.property(types, demands(6), options, (instances, replicas, asked) => {
        const reversed = {
          ...asked,
          ...(asked.purchase ? { purchase: asked.purchase.toReversed() } : {}),
          ...(asked.zones ? { zones: asked.zones.toReversed() } : {}),
        };
        expect(pack(replicas.toReversed(), instances.toReversed(), noReservation, {}, reversed)).toEqual(
          pack(replicas, instances, noReservation, {}, asked),
        );
      }),
      { numRuns: 40 },
    );
  });
});
