import { describe, expect, test } from "vitest";
import type { NodePoolAllocation } from "../../../optimizer/allocation.ts";
import { allocatable } from "../../../optimizer/packing/allocatable.ts";
import { nodeReservation } from "../../../platform/plan/hardware.ts";
import { namespacePlans } from "../../../platform/plan/namespaces.ts";
import { costShares, nodePoolPlans } from "../../../platform/plan/node-pools.ts";
import { planPlatform } from "../../../platform/plan/plan.ts";
import { parsed, smallSpec } from "../../support/spec-fixture.ts";

const type = (name: string, gpuCount: number) => ({
  name,
  accelerator: "L4",
  gpuCount,
  vcpuCount: 16,
  memoryGiB: 64,
  maxPodCount: 58,
  usdPerHour: 2,
});
const large = type("g6.4xlarge", 4);
const small = type("g6.2xlarge", 1);
const pool = (
  instanceType: string,
  usdPerHour: number,
  ...nodes: [string, number][][]
): NodePoolAllocation => ({
  accelerator: "L4",
  instanceType,
  nodeCount: nodes.length,
  usdPerHour,
  nodes: nodes.map((replicas) => ({ replicas: replicas.map(([group, count]) => ({ group, count })) })),
});
const pools = () =>
  nodePoolPlans(
    "bank",
    [
      pool(
        "g6.4xlarge",
        9,
        [["a", 2]],
        [
          ["a", 1],
          ["b", 1],
        ],
      ),
      pool("g6.2xlarge", 4, [["b", 1]]),
    ],
    { accelerators: [], instanceTypes: [small, large] },
  );

describe("node pools", () => {
  test("are sorted by name, one for each instance type, with room to replace a node", () => {
    expect(pools().map(({ name }) => name)).toEqual(["bank-g6-2xlarge", "bank-g6-4xlarge"]);
    const { cpuMillis, memoryMiB } = allocatable(large, nodeReservation);
    expect(pools()[1]).toEqual({
      name: "bank-g6-4xlarge",
      accelerator: "L4",
      instanceType: "g6.4xlarge",
      gpusPerNode: 4,
      minNodes: 2,
      desiredNodes: 2,
      maxNodes: 3,
      usdPerHour: 9,
      allocatable: { cpuMillis, memoryMiB, gpuCount: 4 },
      nodes: [
        { replicas: [{ group: "a", count: 2 }] },
        {
          replicas: [
            { group: "a", count: 1 },
            { group: "b", count: 1 },
          ],
        },
      ],
    });
    const reversed = nodePoolPlans("bank", [pool("g6.2xlarge", 4), pool("g6.4xlarge", 9)], {
      accelerators: [],
      instanceTypes: [large, small],
    });
    expect(reversed.map(({ name }) => name)).toEqual(["bank-g6-2xlarge", "bank-g6-4xlarge"]);
  });

  test("have every dot of their instance type as a dash", () => {
    const [own] = nodePoolPlans("bank", [pool("own.large.v2", 1)], {
      accelerators: [],
      instanceTypes: [type("own.large.v2", 1)],
    });
    expect(own?.name).toBe("bank-own-large-v2");
  });

  test("are only of instance types that the platform may use", () => {
    expect(() =>
      nodePoolPlans("bank", [pool("g6.4xlarge", 9)], { accelerators: [], instanceTypes: [small] }),
    ).toThrow(new RangeError("packed onto g6.4xlarge, which is not allowed"));
  });

  test("are paid by their groups in proportion to the cards they take", () => {
    const shares = costShares(
      pools(),
      new Map([
        ["a", 1],
        ["b", 2],
      ]),
    );
    expect([...shares].sort()).toEqual([
      ["a", (9 * 3) / 5],
      ["b", 4 + (9 * 2) / 5],
    ]);
  });

  test("are paid by nobody whose cards are unknown", () => {
    expect(costShares(pools().slice(1), new Map([["a", 1]])).get("b")).toBe(0);
  });
});

describe("namespaces", () => {
  const plan = () => planPlatform(parsed(smallSpec));
  const group = (name: string, namespace: string, replicas: number, gpusPerReplica: number) => ({
    ...present(plan().groups[0]),
    name,
    namespace,
    replicas,
    gpusPerReplica,
    cpuMillis: 1_000,
    memoryMiB: 2_000,
  });
  const engine = (namespace: string) => ({ ...present(plan().engines[0]), namespace });

  test("are the platform's own, then the engines' in order, each with the quota of its groups and one pod more", () => {
    expect(
      namespacePlans(
        "own",
        [engine("zeta"), engine("own"), engine("alpha"), engine("zeta")],
        [group("g1", "own", 2, 1), group("g2", "own", 1, 4), group("g3", "zeta", 3, 2)],
        { image: "proxy:1", auth: ["domino"], grpc: false, audit: "json" },
      ),
    ).toEqual([
      {
        name: "own",
        quota: {
          gpus: 3 * 1 + 2 * 4,
          pods: 3 + 2 + 4,
          cpuMillis: 5 * 1_000 + 4 * 1_500,
          memoryMiB: 5 * 2_000 + 4 * (256 + 64 + 8 * 64),
        },
      },
      { name: "alpha", quota: { gpus: 0, pods: 0, cpuMillis: 0, memoryMiB: 0 } },
      { name: "zeta", quota: { gpus: 8, pods: 4, cpuMillis: 4_000, memoryMiB: 8_000 } },
    ]);
  });
});

test("a namespace without a proxy has no room for one, and with an autoscaler there is room for the most", () => {
  const said = { image: "proxy:1", auth: "none", grpc: false, audit: "json" } as const;
  const podsOf = (proxy: Parameters<typeof namespacePlans>[3]) =>
    namespacePlans("own", [], [], proxy)[0]?.quota.pods;
  expect(podsOf(undefined)).toBe(0);
  expect(podsOf({ ...said, replicas: 5 })).toBe(10);
  expect(podsOf({ ...said, autoscaling: { minReplicas: 1, maxReplicas: 6, cpuPercent: 70 } })).toBe(12);
});

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("expected a value");
  return value;
}
