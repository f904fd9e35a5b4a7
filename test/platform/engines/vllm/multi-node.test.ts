import { describe, expect, test } from "vitest";
import {
  leaderArguments,
  leaderWorkerSetSpec,
  rendezvousPort,
  waitForLeader,
  waitForWorkers,
  workerArguments,
} from "../../../../platform/engines/vllm/multi-node.ts";

describe("a replica over several nodes", () => {
  test("is one group of processes that meet at the first node, without Ray", () => {
    expect(leaderArguments(3)).toEqual([
      "--distributed-executor-backend=mp",
      "--nnodes=3",
      "--node-rank=0",
      "--master-addr=$(LWS_LEADER_ADDRESS)",
      "--master-port=29500",
    ]);
  });

  test("has its API on the first node only", () => {
    expect(workerArguments(3)).toEqual([
      "--distributed-executor-backend=mp",
      "--nnodes=3",
      "--node-rank=$(LWS_WORKER_INDEX)",
      "--master-addr=$(LWS_LEADER_ADDRESS)",
      "--master-port=29500",
      "--headless",
    ]);
  });

  test("is nothing special on one node", () => {
    expect(leaderArguments(1)).toEqual([]);
  });

  test("waits at the port that its processes meet at", () => {
    expect(waitForLeader).toContain(`"LWS_LEADER_ADDRESS"], ${rendezvousPort})`);
    expect(waitForWorkers).toContain("LWS_GROUP_SIZE");
  });

  const spec = leaderWorkerSetSpec({ replicas: 2, nodesPerReplica: 4, leader: "first", worker: "other" });

  test("has as many pods as nodes, of two kinds", () => {
    expect(spec.leaderWorkerTemplate).toMatchObject({
      size: 4,
      leaderTemplate: "first",
      workerTemplate: "other",
    });
    expect(spec.replicas).toBe(2);
  });

  test("starts all over when one of its pods does, since none can rejoin", () => {
    expect(spec.leaderWorkerTemplate.restartPolicy).toBe("RecreateGroupOnPodRestart");
  });

  test("starts its workers before its leader is ready, which it never is without them", () => {
    expect(spec.startupPolicy).toBe("LeaderCreated");
  });

  test("is replaced in place, without spare nodes", () => {
    expect(spec.rolloutStrategy).toEqual({
      type: "RollingUpdate",
      rollingUpdateConfiguration: { maxUnavailable: 1, maxSurge: 0 },
    });
  });

  test("leaves its count to an autoscaler", () => {
    expect(leaderWorkerSetSpec({ nodesPerReplica: 2, leader: 0, worker: 0 })).not.toHaveProperty("replicas");
  });
});
