import { describe, expect, test } from "vitest";
import { vllmProfile } from "../../../../platform/engines/vllm/profile.ts";
import { refusedEnvironment } from "../../../../platform/engines/extra-environment.ts";
import { chat, optionsOf } from "./planned.ts";

describe("a vLLM engine", () => {
  test("writes to its own home, asks no model hub and reports no usage", () => {
    const { engine, group } = chat();
    expect(vllmProfile.environment(group, engine)).toEqual({
      HOME: "/tmp",
      HF_HUB_OFFLINE: "1",
      VLLM_NO_USAGE_STATS: "1",
    });
  });

  test("downloads to its scratch volume where its models are on the hub", () => {
    const { engine, group } = chat();
    const hub = { ...engine, storage: { kind: "hugging-face", organisation: "Qwen" } } as const;
    expect(vllmProfile.environment(group, hub)).toEqual({
      HOME: "/tmp",
      HF_HOME: "/tmp/hugging-face",
      VLLM_NO_USAGE_STATS: "1",
    });
  });

  test("is refused the environment that it sets itself", () => {
    const { engine, group } = chat();
    const own = Object.keys(vllmProfile.environment(group, engine)).filter(
      (name) => name !== "VLLM_NO_USAGE_STATS",
    );
    const refused = refusedEnvironment(
      Object.fromEntries([...own, "LWS_GROUP_SIZE", "VLLM_API_KEY"].map((name) => [name, "x"])),
      vllmProfile.reserved.environment,
    );
    expect(refused.map(({ name }) => name)).toEqual([...own, "LWS_GROUP_SIZE", "VLLM_API_KEY"]);
  });

  test("needs LeaderWorkerSet where a replica of one of its models spans nodes", () => {
    const addons = (...nodesPerReplica: unknown[]) =>
      vllmProfile.addons?.({ models: nodesPerReplica.map((nodes) => ({ nodesPerReplica: nodes })) });
    expect(addons(1, undefined, "2")).toEqual([]);
    expect(addons(1, 2)).toEqual(["leaderWorkerSet"]);
  });

  test("has weights as small as its options make them", () => {
    expect(vllmProfile.bytesPerWeight?.(optionsOf({ quantization: "fp8" }))).toBe(1.15);
    expect(vllmProfile.bytesPerWeight?.(optionsOf())).toBeUndefined();
  });

  test("has shared memory for workers that exchange activations, inside the memory that it requests", () => {
    const shape = (gpusPerReplica: number) => ({ accelerator: "L4", gpusPerReplica, weightsGiB: 15 });
    expect([1, 2, 8].map((gpus) => vllmProfile.sharedMemoryMiB(shape(gpus)))).toEqual([2048, 8192, 32_768]);
    expect([1, 2, 8].map((gpus) => vllmProfile.resources(shape(gpus)))).toEqual([
      { cpuMillis: 4_000, memoryMiB: 2_048 + 4_096 + 8_192 },
      { cpuMillis: 6_000, memoryMiB: 8_192 + 8_192 + 8_192 },
      { cpuMillis: 18_000, memoryMiB: 32_768 + 32_768 + 8_192 },
    ]);
  });

  test("keeps the facts that spec, routes and pods rely on", () => {
    expect(vllmProfile).toMatchObject({
      type: "vllm",
      title: "vLLM",
      protocol: "openai",
      task: "generation",
      image: expect.stringMatching(/^vllm\/vllm-openai:v\d/),
      patterns: ["standalone", "helm"],
      storage: ["dataset", "pvc", "fsx", "s3-stream", "s3-copy", "s3-mount", "hugging-face", "image"],
      modelRoot: "/models",
      multiNode: true,
      loading: ["preload"],
      replicasPer: "model",
      ports: { http: 8000, metrics: 8000 },
      metrics: { path: "/metrics", queue: "vllm:num_requests_waiting" },
      runAs: { userId: 2000, groupId: 0 },
      drain: { preStopSeconds: 15, requestSeconds: 300 },
      entryPoint: "none",
    });
    expect(vllmProfile.probes({ loading: "preload" })).toEqual({
      startup: "/health",
      liveness: "/health",
      readiness: "/health",
    });
    expect(vllmProfile.ports.grpc).toBeUndefined();
    expect(vllmProfile.repositoryApi).toBeUndefined();
  });
});
