import { z } from "zod";
import type { EngineProfile } from "../engine-profile.ts";

/** Where a dataset is mounted. */
export const vllmModelRoot = "/models";

const requestSeconds = 300;

/** vLLM's own default for serving on data-centre GPUs; said on the command line, as others of its defaults are smaller. */
const maxBatchedTokens = 8192;

export const vllmProfile: EngineProfile = {
  type: "vllm",
  title: "vLLM",
  protocol: "openai",
  task: "generation",
  // The image is built for CUDA; vLLM for CPUs is another one.
  runsOnCpu: false,
  maxBatchedTokens,
  image: "vllm/vllm-openai:v0.27.1",
  patterns: ["standalone"],
  storage: ["dataset", "s3-stream"],
  modelRoot: vllmModelRoot,
  multiNode: false,
  loading: ["preload"],
  replicasPer: "model",
  ports: { http: 8000, metrics: 8000 },
  probes: () => ({ startup: "/health", liveness: "/health", readiness: "/health" }),
  metrics: { path: "/metrics", queue: "vllm:num_requests_waiting" },
  // The image's passwd has uid 2000 in group 0; an unknown uid makes the engine fail at start.
  runAs: { userId: 2000, groupId: 0 },
  drain: { preStopSeconds: 15, requestSeconds },
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
  command: (group, engine) => {
    const model = group.models[0];
    const version = model?.versions[0];
    const folder = `${model?.name}/${version?.version}`;
    const location =
      engine.storage.kind === "s3"
        ? `s3://${[engine.storage.bucket, engine.storage.prefix, folder].filter(Boolean).join("/")}`
        : `${vllmModelRoot}/${folder}`;
    return [
      "vllm",
      "serve",
      location,
      "--host=0.0.0.0",
      "--port=8000",
      `--served-model-name=${model?.name}`,
      `--tensor-parallel-size=${group.gpusPerReplica}`,
      `--max-num-seqs=${group.maxBatchSize}`,
      `--max-num-batched-tokens=${maxBatchedTokens}`,
      `--max-model-len=${model?.maxSequenceTokens}`,
      "--gpu-memory-utilization=0.9",
      ...(engine.storage.kind === "s3" ? ["--load-format=runai_streamer"] : []),
      // Finishes running requests after SIGTERM instead of aborting them.
      `--shutdown-timeout=${requestSeconds}`,
    ];
  },
  environment: () => ({
    // The pod runs with a read-only root and reaches no model hub.
    HOME: "/tmp",
    HF_HUB_OFFLINE: "1",
    VLLM_NO_USAGE_STATS: "1",
  }),
  options: { engine: z.strictObject({}), model: z.strictObject({}) },
  reserved: { arguments: {}, environment: {} },
  limits: [],
};
