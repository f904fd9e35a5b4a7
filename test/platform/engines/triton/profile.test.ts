import { expect, test } from "vitest";
import { engineProfiles } from "../../../../platform/engines/registry.ts";
import { planPlatform } from "../../../../platform/plan/plan.ts";
import { loadSpec } from "../../../../platform/spec/load.ts";
import { present } from "../../../components/support/present.ts";

async function commandOf(name: string): Promise<readonly string[]> {
  const plan = planPlatform(await loadSpec("stacks/prod.yaml"));
  const engine = plan.engines.find((candidate) => candidate.name === name);
  const group = plan.groups.find((candidate) => candidate.engine === name);
  if (!engine || !group) throw new Error(`no engine ${name}`);
  return engineProfiles.triton.command(group, engine);
}

test("a server that preloads is ready when all its models are, and loads exactly those", async () => {
  const command = await commandOf("triton-domino-pre-load-inference");
  expect(command).toContain("--strict-readiness=true");
  expect(command.filter((argument) => argument.startsWith("--load-model="))).toEqual([
    "--load-model=BERT-BASED",
    "--load-model=DISTILBERT",
  ]);
});

test("a server that loads on demand stays ready while it loads, and starts with nothing loaded", async () => {
  expect(await commandOf("triton-domino-ondemand-load-inference")).toEqual([
    "tritonserver",
    "--model-repository=/repository",
    "--model-control-mode=explicit",
    "--strict-readiness=false",
    "--exit-timeout-secs=60",
    "--allow-metrics=true",
  ]);
});

test("a server is started from its repository, never polls it, and ends within its longest request", async () => {
  expect(await commandOf("triton-domino-pre-load-inference")).toEqual([
    "tritonserver",
    "--model-repository=/repository",
    "--model-control-mode=explicit",
    "--load-model=BERT-BASED",
    "--load-model=DISTILBERT",
    "--strict-readiness=true",
    "--exit-timeout-secs=60",
    "--allow-metrics=true",
  ]);
});

test("a server requests CPU by its GPUs, and host memory for twice the weights that pass through it", () => {
  const { resources, sharedMemoryMiB } = engineProfiles.triton;
  const shape = { accelerator: "L4", gpusPerReplica: 2, weightsGiB: 1.5 };
  expect(resources(shape)).toEqual({ cpuMillis: 4_000, memoryMiB: 6_144 + 3_072 });
  expect(resources({ ...shape, weightsGiB: 0.0001 }).memoryMiB).toBe(6_145);
  expect(sharedMemoryMiB(shape)).toBe(1024);
});

test("a server keeps the facts that spec, routes and pods rely on", async () => {
  expect(engineProfiles.triton).toMatchObject({
    type: "triton",
    title: "NVIDIA Triton Inference Server",
    protocol: "open-inference-v2",
    task: "request-response",
    image: expect.stringMatching(/^nvcr\.io\/nvidia\/tritonserver:\d+\.\d+-py3$/),
    patterns: ["standalone"],
    storage: ["dataset", "pvc", "fsx", "s3-copy", "s3-mount", "image"],
    modelRoot: "/models",
    metrics: { path: "/metrics", queue: "nv_inference_pending_request_count" },
    loading: ["preload", "on-demand"],
    replicasPer: "engine",
    ports: { http: 8000, grpc: 8001, metrics: 8002 },
    runAs: { userId: 1000, groupId: 1000 },
    drain: { preStopSeconds: 15, requestSeconds: 60 },
    entryPoint: "image",
  });
  const plan = planPlatform(await loadSpec("stacks/prod.yaml"));
  const [group] = plan.groups;
  const [engine] = plan.engines;
  expect(group && engine && engineProfiles.triton.environment(group, engine)).toEqual({ HOME: "/tmp" });
});

test("models are loaded and unloaded by the paths of Triton's repository API", () => {
  const api = present(engineProfiles.triton.repositoryApi);
  expect(api.index).toBe("/v2/repository/index");
  expect(api.load("BERT-BASED")).toBe("/v2/repository/models/BERT-BASED/load");
  expect(api.unload("BERT-BASED")).toBe("/v2/repository/models/BERT-BASED/unload");
});

test("a server is probed alike however it loads: what ready means is an argument", () => {
  for (const loading of ["preload", "on-demand"] as const) {
    expect(engineProfiles.triton.probes({ loading })).toEqual({
      startup: "/v2/health/ready",
      liveness: "/v2/health/live",
      readiness: "/v2/health/ready",
    });
  }
});

test("every limit is a sentence", () => {
  for (const limit of engineProfiles.triton.limits) expect(limit).toMatch(/^[A-Z].*\.$/);
});
