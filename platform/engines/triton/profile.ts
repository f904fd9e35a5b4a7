import { stagedVersions, stagingPod } from "./staging.ts";
import type { EngineProfile } from "../engine-profile.ts";
import { tritonCommand, tritonRequestSeconds } from "./command.ts";
import { tritonEngineOptionsSchema } from "./engine-options.ts";
import { tritonImage } from "./image.ts";
import { tritonModelOptions, tritonModelOptionsSchema } from "./model-options.ts";
import { tritonModelRoot } from "./repository-layout.ts";
import { tritonReservedArguments, tritonReservedEnvironment } from "./reserved.ts";
import { tritonProblems } from "./rules.ts";

export const tritonProfile: EngineProfile = {
  type: "triton",
  title: "NVIDIA Triton Inference Server",
  protocol: "open-inference-v2",
  task: "request-response",
  // Without a driver it says so and goes on; ONNX Runtime, PyTorch, OpenVINO and Python backends run on the CPU.
  runsOnCpu: true,
  image: tritonImage,
  // NVIDIA publishes no chart; those in its repository are examples for one cloud each.
  patterns: ["standalone"],
  // S3 is copied or mounted for the server. What it reads itself it copies too, to a folder that nobody sizes, with
  // credentials that it does not say it takes from a service account.
  storage: ["dataset", "pvc", "fsx", "s3-copy", "s3-mount", "image"],
  modelRoot: tritonModelRoot,
  multiNode: false,
  loading: ["preload", "on-demand"],
  replicasPer: "engine",
  ports: { http: 8000, grpc: 8001, metrics: 8002 },
  // Ready means with all models to a strict server, which preloads, and without regard to models to one that loads on
  // demand. While a model loads one connection may hang with it: probes are made anew each time, and the next one is
  // answered.
  probes: () => ({
    startup: "/v2/health/ready",
    liveness: "/v2/health/live",
    readiness: "/v2/health/ready",
  }),
  metrics: { path: "/metrics", queue: "nv_inference_pending_request_count" },
  repositoryApi: {
    index: "/v2/repository/index",
    load: (model) => `/v2/repository/models/${encodeURIComponent(model)}/load`,
    unload: (model) => `/v2/repository/models/${encodeURIComponent(model)}/unload`,
  },
  runAs: { userId: 1000, groupId: 1000 },
  drain: { preStopSeconds: 15, requestSeconds: tritonRequestSeconds },
  // Python backends exchange tensors through shared memory; 1 GiB holds a few batches of large inputs.
  sharedMemoryMiB: () => 1024,
  resources: (shape) => ({
    cpuMillis: 2_000 * shape.gpusPerReplica,
    // Weights pass through host memory while they load.
    memoryMiB: 6_144 + Math.ceil(shape.weightsGiB * 1024 * 2),
  }),
  // NVIDIA's entry point chooses the CUDA libraries that fit the node's driver.
  entryPoint: "image",
  command: tritonCommand,
  // The root is read-only; libraries of Python models keep caches in their home.
  environment: () => ({ HOME: "/tmp" }),
  options: { engine: tritonEngineOptionsSchema, model: tritonModelOptionsSchema },
  reserved: { arguments: tritonReservedArguments, environment: tritonReservedEnvironment },
  problems: tritonProblems,
  // An ensemble is steps of other models, all of them inside one server.
  hasFiles: (options) => tritonModelOptions({ options }).ensemble === undefined,
  staysWithOthers: (options) => tritonModelOptions({ options }).ensemble !== undefined,
  staged: (groups) => stagedVersions(groups).map(({ bucket, prefix }) => ({ bucket, prefix })),
  // The job that brings versions; two while a changed one replaces the last.
  otherPods: (_, groups) => (stagedVersions(groups).length > 0 ? [{ count: 2, ...stagingPod }] : []),
  limits: [
    "It answers requests as a whole: models that generate text are planned for vLLM or Dynamo.",
    "Versions are whole numbers; a model that is registered under another text cannot be served.",
    "The models of an engine share one largest batch, the smallest of theirs.",
    "A replica is one server on one node; its GPUs each hold a copy of every model.",
    "An engine that loads on demand has one replica: a model is loaded on the server that was asked.",
    "The proxy speaks HTTP; gRPC is there for clients that are let in beside it.",
    "Artifacts are staged onto a volume (dataset, claim or FSx), not into S3 or an image.",
  ],
};
