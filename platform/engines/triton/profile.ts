import { z } from "zod";
import type { EngineProfile } from "../engine-profile.ts";

/** Where the model repository is mounted. */
export const tritonModelRepository = "/models";

const requestSeconds = 60;

export const tritonProfile: EngineProfile = {
  type: "triton",
  title: "NVIDIA Triton Inference Server",
  protocol: "open-inference-v2",
  task: "request-response",
  // Without a driver it says so and goes on; ONNX Runtime, PyTorch, OpenVINO and Python backends run on the CPU.
  runsOnCpu: true,
  image: "nvcr.io/nvidia/tritonserver:26.07-py3",
  patterns: ["standalone"],
  storage: ["dataset"],
  modelRoot: tritonModelRepository,
  multiNode: false,
  loading: ["preload", "on-demand"],
  replicasPer: "engine",
  ports: { http: 8000, grpc: 8001, metrics: 8002 },
  probes: () => ({
    startup: "/v2/health/ready",
    liveness: "/v2/health/live",
    readiness: "/v2/health/ready",
  }),
  metrics: { path: "/metrics", queue: "nv_inference_pending_request_count" },
  runAs: { userId: 1000, groupId: 1000 },
  drain: { preStopSeconds: 15, requestSeconds },
  // Python backends exchange tensors through shared memory; 1 GiB holds a few batches of large inputs.
  sharedMemoryMiB: () => 1024,
  resources: (shape) => ({
    cpuMillis: 2_000 * shape.gpusPerReplica,
    // Weights pass through host memory while they load.
    memoryMiB: 6_144 + Math.ceil(shape.weightsGiB * 1024 * 2),
  }),
  // NVIDIA's entry point chooses the CUDA libraries that fit the node's driver.
  entryPoint: "image",
  command: (group, engine) => [
    "tritonserver",
    `--model-repository=${tritonModelRepository}`,
    // Never poll: a half-copied model would be loaded, and whoever can write the folder could run code.
    "--model-control-mode=explicit",
    ...(engine.loading === "preload" ? group.models.map((model) => `--load-model=${model.name}`) : []),
    // Strict: ready means that all models are loaded. On demand a server would leave the Service whenever it loads one.
    `--strict-readiness=${engine.loading === "preload"}`,
    `--exit-timeout-secs=${requestSeconds}`,
    "--allow-metrics=true",
  ],
  environment: () => ({}),
  options: { engine: z.strictObject({}), model: z.strictObject({}) },
  reserved: { arguments: {}, environment: {} },
  limits: [],
};
