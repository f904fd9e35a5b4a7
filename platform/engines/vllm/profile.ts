import { z } from "zod";
import { record, records } from "../../spec/raw.ts";
import type { EngineProfile } from "../engine-profile.ts";
import { vllmBatchedTokens, vllmCommand, vllmModelRoot, vllmRequestSeconds } from "./arguments.ts";
import {
  vllmBytesPerWeight,
  vllmModelOptionsSchema,
  vllmServedNames,
  type VllmModelOptions,
} from "./model-options.ts";
import { vllmReservedArguments, vllmReservedEnvironment } from "./reserved.ts";
import { vllmProblems } from "./rules.ts";

export const vllmProfile: EngineProfile = {
  type: "vllm",
  title: "vLLM",
  protocol: "openai",
  task: "generation",
  // The image is built for CUDA; vLLM for CPUs is another one.
  runsOnCpu: false,
  maxBatchedTokens: vllmBatchedTokens,
  image: "vllm/vllm-openai:v0.27.1",
  patterns: ["standalone", "helm"],
  // Streamed first: weights go to the GPU as they arrive, and no disk of a node has to hold them.
  storage: ["dataset", "pvc", "fsx", "s3-stream", "s3-copy", "s3-mount", "hugging-face", "image"],
  modelRoot: vllmModelRoot,
  multiNode: true,
  loading: ["preload"],
  replicasPer: "model",
  ports: { http: 8000, metrics: 8000 },
  probes: () => ({ startup: "/health", liveness: "/health", readiness: "/health" }),
  metrics: { path: "/metrics", queue: "vllm:num_requests_waiting" },
  // The image's passwd has uid 2000 in group 0; an unknown uid makes the engine fail at start.
  runAs: { userId: 2000, groupId: 0 },
  drain: { preStopSeconds: 15, requestSeconds: vllmRequestSeconds },
  // Tensor-parallel workers exchange activations through shared memory.
  sharedMemoryMiB: (shape) => (shape.gpusPerReplica > 1 ? 4_096 * shape.gpusPerReplica : 2_048),
  resources: (shape) => ({
    // One busy process a GPU, and the API server with the tokenizer.
    cpuMillis: 2_000 + 2_000 * shape.gpusPerReplica,
    // Shared memory, the processes themselves (about 4 GiB a GPU) and the load buffer.
    memoryMiB:
      (shape.gpusPerReplica > 1 ? 4_096 * shape.gpusPerReplica : 2_048) +
      4_096 * shape.gpusPerReplica +
      8_192,
  }),
  // The image's entry point is `vllm serve` itself in some versions and absent in others.
  entryPoint: "none",
  command: vllmCommand,
  environment: (_group, engine) => ({
    // The pod runs with a read-only root.
    HOME: "/tmp",
    ...(engine.storage.kind === "hugging-face" ? { HF_HOME: "/tmp/hugging-face" } : { HF_HUB_OFFLINE: "1" }),
    VLLM_NO_USAGE_STATS: "1",
  }),
  options: { engine: z.strictObject({}), model: vllmModelOptionsSchema },
  servedNames: vllmServedNames,
  reserved: { arguments: vllmReservedArguments, environment: vllmReservedEnvironment },
  problems: vllmProblems,
  bytesPerWeight: (options) => vllmBytesPerWeight(options as VllmModelOptions),
  addons: (engine) =>
    records(engine.models).some(({ entry }) => spansNodes(record(entry).nodesPerReplica))
      ? ["leaderWorkerSet"]
      : [],
  limits: [
    "It serves from NVIDIA GPUs; vLLM for CPUs, TPUs and other accelerators needs other images and arguments.",
    "Adapters are loaded when a replica starts and not at run time, and only from mounted storage or the hub.",
    "A replica that spans nodes talks over TCP between them; EFA adapters are not asked for.",
    "Prompts are read and answers generated in the same replica; for two pools use Dynamo.",
    "The chart of the helm pattern runs replicas on one node, and its autoscaler is KEDA.",
  ],
};

function spansNodes(nodesPerReplica: unknown): boolean {
  return typeof nodesPerReplica === "number" && nodesPerReplica > 1;
}
