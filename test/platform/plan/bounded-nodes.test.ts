import { describe, expect, test } from "vitest";
import { boundedNodes } from "../../../platform/plan/bounded-nodes.ts";
import type { NodePoolPlan, ReplicaGroupPlan } from "../../../platform/plan/platform-plan.ts";

const pool = {
  name: "acme-p5",
  gpusPerNode: 8,
  minNodes: 3,
  desiredNodes: 3,
  maxNodes: 4,
  nodes: [
    { replicas: [{ group: "chat", count: 2 }] },
    { replicas: [{ group: "chat", count: 2 }] },
    {
      replicas: [
        { group: "chat", count: 1 },
        { group: "fixed", count: 1 },
      ],
    },
  ],
} as unknown as NodePoolPlan;
const group = (name: string, replicas: number, autoscaling?: object) =>
  ({
    name,
    replicas,
    gpusPerReplica: 4,
    nodesPerReplica: 1,
    nodePools: ["acme-p5"],
    ...(autoscaling ? { autoscaling } : {}),
  }) as unknown as ReplicaGroupPlan;
const fixed = group("fixed", 1);
const bounds = (...groups: readonly ReplicaGroupPlan[]) =>
  boundedNodes([pool], groups).map(({ minNodes, desiredNodes, maxNodes }) => [
    minNodes,
    desiredNodes,
    maxNodes,
  ]);

describe("the bounds of a node pool", () => {
  test("stay as planned where nothing scales", () => {
    expect(boundedNodes([pool], [group("chat", 5), fixed])).toEqual([pool]);
  });

  test("go down to the nodes that the fewest replicas need, with those of others on them", () => {
    expect(bounds(group("chat", 5, { minReplicas: 1, maxReplicas: 5 }), fixed)).toEqual([[2, 3, 4]]);
    expect(bounds(group("chat", 5, { minReplicas: 3, maxReplicas: 5 }), fixed)).toEqual([[3, 3, 4]]);
    expect(bounds(group("chat", 5, { minReplicas: 0, maxReplicas: 5 }), fixed)).toEqual([[1, 3, 4]]);
  });

  test("go up by the nodes that the most replicas need beyond the plan", () => {
    expect(bounds(group("chat", 5, { minReplicas: 5, maxReplicas: 8 }), fixed)).toEqual([[3, 3, 6]]);
  });

  test("leave room for all nodes of a replica that spans several and is replaced", () => {
    expect(bounds({ ...group("chat", 5), nodesPerReplica: 2 }, fixed)).toEqual([[3, 3, 5]]);
  });

  test("are another pool's where a group is not on this one", () => {
    const elsewhere = { ...group("chat", 5, { minReplicas: 0, maxReplicas: 50 }), nodePools: ["other"] };
    expect(boundedNodes([pool], [elsewhere])).toEqual([pool]);
  });
});
