import { describe, expect, test } from "vitest";
import {
  leaderArguments,
  leaderWorkerSetSpec,
  rendezvousPort,
  waitForLeader,
  waitForWorkers,
  workerArguments,
} from "../../../../platform/engines/vllm/multi-node.ts";

const three = { nodesPerReplica: 3, startupSeconds: 400 };

describe("a replica over several nodes", () => {
  test("is one group of processes that meet at the first node, without Ray", () => {
    expect(leaderArguments(three)).toEqual([
      "--distributed-executor-backend=mp",
      "--nnodes=3",
      "--node-rank=0",
      "--master-addr=$(LWS_LEADER_ADDRESS)",
      "--master-port=29500",
      "--distributed-timeout-seconds=600",
    ]);
  });

  test("has its API on the first node only", () => {
    expect(workerArguments(three)).toEqual([
      "--distributed-executor-backend=mp",
      "--nnodes=3",
      "--node-rank=$(LWS_WORKER_INDEX)",
      "--master-addr=$(LWS_LEADER_ADDRESS)",
      "--master-port=29500",
      "--distributed-timeout-seconds=600",
      "--headless",
    ]);
  });

  test("waits for a node that reads its weights late as long as the plan lets it", () => {
    const slow = { ...three, startupSeconds: 3000 };
    for (const given of [leaderArguments(slow), workerArguments(slow)]) {
      expect(given).toContain("--distributed-timeout-seconds=3000");
    }
  });

  test("is nothing special on one node", () => {
    expect(leaderArguments({ ...three, nodesPerReplica: 1 })).toEqual([]);
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
