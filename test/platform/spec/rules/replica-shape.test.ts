import { describe, expect, test } from "vitest";
import type { EngineProfile } from "../../../../platform/engines/engine-profile.ts";
import { engineProfiles } from "../../../../platform/engines/registry.ts";
import type { Raw } from "../../../../platform/spec/raw.ts";
import { replicaShapeProblems } from "../../../../platform/spec/rules/replica-shape.ts";

const several: EngineProfile = { ...engineProfiles.vllm, multiNode: true };
const one: EngineProfile = { ...engineProfiles.vllm, multiNode: false, title: "Small" };
const problemsOf = (model: Raw, profile = several, spec: Raw = {}) =>
  replicaShapeProblems(
    { catalog: "2026-11", accelerators: { use: ["H100-80G"] }, ...spec },
    model,
    ["model"],
    profile,
  );

describe("a replica's shape", () => {
  test("is free where the spec leaves it to the optimizer, and fine where nodes have it", () => {
    expect(problemsOf({})).toEqual([]);
    expect(problemsOf({ gpusPerReplica: 8 })).toEqual([]);
    expect(problemsOf({ gpusPerReplica: 16, nodesPerReplica: 2 })).toEqual([]);
    expect(problemsOf({ nodesPerReplica: 2 })).toEqual([]);
  });

  test("spans several nodes only with an engine that can", () => {
    expect(problemsOf({ nodesPerReplica: 2 }, one)).toEqual([
      {
        code: "SPEC_COMBINATION_UNSUPPORTED",
        path: ["model", "nodesPerReplica"],
        message: "a replica of Small cannot span 2 nodes",
        allowed: "1",
      },
    ]);
  });

  test("has as many GPUs on each of its nodes, with the next count that is", () => {
    expect(problemsOf({ gpusPerReplica: 9, nodesPerReplica: 2 })).toMatchObject([
      { path: ["model", "gpusPerReplica"], allowed: "a multiple of 2, such as 10" },
    ]);
  });

  test("asks for no more GPUs than a node has, with the number of nodes that would hold it", () => {
    expect(problemsOf({ gpusPerReplica: 16 })).toEqual([
      {
        code: "SPEC_COMBINATION_UNSUPPORTED",
        path: ["model", "gpusPerReplica"],
        message: "16 GPUs on one node, where no node of the accelerators in use has more than 8",
        allowed: "at most 8, or nodesPerReplica: 2",
      },
    ]);
    expect(problemsOf({ gpusPerReplica: 16 }, one)).toMatchObject([{ allowed: "at most 8" }]);
    expect(problemsOf({ gpusPerReplica: 20, nodesPerReplica: 2 })).toMatchObject([
      { allowed: "at most 16, or nodesPerReplica: 3" },
    ]);
  });

  test("counts the nodes of the spec's own accelerators, where they are in use", () => {
    const custom = [{ name: "MI300X", instanceTypes: [{ gpus: 32 }] }];
    expect(
      problemsOf({ gpusPerReplica: 16 }, several, { accelerators: { use: ["MI300X"], custom } }),
    ).toEqual([]);
    expect(
      problemsOf({ gpusPerReplica: 16 }, several, { accelerators: { use: ["H100-80G"], custom } }),
    ).toHaveLength(1);
  });

  test("is nobody's to judge without a catalog, which is reported itself", () => {
    expect(problemsOf({ gpusPerReplica: 99 }, several, { catalog: "1999-01" })).toEqual([]);
  });
});
