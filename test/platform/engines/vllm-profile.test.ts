import { describe, expect, test } from "vitest";
import { vllmProfile } from "../../../platform/engines/vllm/profile.ts";
import { planPlatform } from "../../../platform/plan/plan.ts";
import { parsed, smallSpec } from "../../support/spec-fixture.ts";

function chat() {
  const plan = planPlatform(parsed(smallSpec));
  const engine = plan.engines.find(({ name }) => name === "chat");
  const group = plan.groups.find((candidate) => candidate.engine === "chat");
  if (!engine || !group) throw new Error("the small spec has no engine chat");
  return { engine, group };
}

describe("a vLLM engine", () => {
  test("serves the planned model with the planned GPUs, batch and context, streamed from S3", () => {
    const { engine, group } = chat();
    expect(vllmProfile.command({ ...group, gpusPerReplica: 4, maxBatchSize: 17 }, engine)).toEqual([
      "vllm",
      "serve",
      "s3://acme-models/llm/llama-3-70b/1",
      "--host=0.0.0.0",
      "--port=8000",
      "--served-model-name=llama-3-70b",
      "--tensor-parallel-size=4",
      "--max-num-seqs=17",
      "--max-num-batched-tokens=8192",
      "--max-model-len=8192",
      "--gpu-memory-utilization=0.9",
      "--load-format=runai_streamer",
      "--shutdown-timeout=300",
    ]);
  });

  test("reads from the root of a bucket, where the spec names no prefix", () => {
    const { engine, group } = chat();
    const bare = {
      ...engine,
      storage: { kind: "s3", bucket: "acme-models", prefix: "", access: "stream" },
    } as const;
    expect(vllmProfile.command(group, bare)).toContain("s3://acme-models/llama-3-70b/1");
  });

  test("reads from the mounted folder of a dataset, without a loader for S3", () => {
    const { engine, group } = chat();
    const mounted = { ...engine, storage: { kind: "dataset", dataset: "models", path: "llm" } } as const;
    expect(vllmProfile.command({ ...group, gpusPerReplica: 1, maxBatchSize: 5 }, mounted)).toEqual([
      "vllm",
      "serve",
      "/models/llama-3-70b/1",
      "--host=0.0.0.0",
      "--port=8000",
      "--served-model-name=llama-3-70b",
      "--tensor-parallel-size=1",
      "--max-num-seqs=5",
      "--max-num-batched-tokens=8192",
      "--max-model-len=8192",
      "--gpu-memory-utilization=0.9",
      "--shutdown-timeout=300",
    ]);
  });

  test("writes to its own home, asks no model hub and reports no usage", () => {
    const { engine, group } = chat();
    expect(vllmProfile.environment(group, engine)).toEqual({
      HOME: "/tmp",
      HF_HUB_OFFLINE: "1",
      VLLM_NO_USAGE_STATS: "1",
    });
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
      storage: ["dataset", "s3"],
      loading: ["preload"],
      replicasPer: "model",
      ports: { http: 8000, metrics: 8000 },
      probes: { startup: "/health", liveness: "/health", readiness: "/health" },
      runAs: { userId: 2000, groupId: 0 },
      drain: { preStopSeconds: 15, requestSeconds: 300 },
      entryPoint: "none",
    });
    expect(vllmProfile.ports.grpc).toBeUndefined();
  });
});
