import { record, records, number, type Raw } from "../../spec/raw.ts";
import type { AddonName } from "../addon-name.ts";
import type { EngineProfile } from "../engine-profile.ts";
import { dynamoReservedArguments, dynamoReservedEnvironment } from "./contract.ts";
import { engineConfigFile } from "./engine-config.ts";
import { dynamoEngineSchema } from "./engine-options.ts";
import { graphFrontend } from "./graph-frontend.ts";
import { frontendPort, systemPort } from "./graph-name.ts";
import { attendantPods } from "./graph-resources.ts";
import { dynamoModelOptions, dynamoModelSchema, type DynamoModelOptions } from "./model-options.ts";
import { defaultDynamoVersion, defaultImageRegistry, runtimeImage } from "./release.ts";
import { dynamoProblems } from "./rules.ts";
import { workerArguments, workerCommands } from "./worker-arguments.ts";
import { workerEnvironment } from "./worker-environment.ts";
import { dynamoMaxBatchedTokens, dynamoModelRoot, graphModel, workerSettings } from "./worker-settings.ts";

export const dynamoProfile: EngineProfile = {
  type: "dynamo",
  title: "NVIDIA Dynamo",
  protocol: "openai",
  task: "generation",
  // Its simulated workers do, which generate nothing.
  runsOnCpu: false,
  maxBatchedTokens: dynamoMaxBatchedTokens,
  // Of the backend that a model has without a word; others follow from its options.
  image: runtimeImage("vllm", { registry: defaultImageRegistry, version: defaultDynamoVersion }),
  patterns: ["operator"],
  // What streams from S3 is read by one backend only, and not by the runtime that looks for the tokenizer first.
  storage: ["dataset", "pvc", "fsx", "s3-mount", "s3-copy", "hugging-face", "image"],
  modelRoot: dynamoModelRoot,
  multiNode: true,
  loading: ["preload"],
  replicasPer: "model",
  ports: { http: frontendPort, metrics: systemPort },
  probes: () => ({ startup: "/health", liveness: "/live", readiness: "/health" }),
  // At the frontends: from the arrival of a request to its first token. Workers call theirs by names of their backend.
  metrics: { path: "/metrics", queue: "dynamo_frontend_queued_requests" },
  // The images' user, in root's group.
  runAs: { userId: 1000, groupId: 0 },
  drain: { preStopSeconds: 15, requestSeconds: 300 },
  // Processes of one worker exchange activations through shared memory.
  sharedMemoryMiB: (shape) => (shape.gpusPerReplica > 1 ? 4_096 * shape.gpusPerReplica : 2_048),
  resources: (shape) => ({
    // One busy process a GPU, and the worker that serves them.
    cpuMillis: 2_000 + 2_000 * shape.gpusPerReplica,
    // Shared memory, the processes themselves (about 4 GiB a GPU) and the load buffer.
    memoryMiB:
      (shape.gpusPerReplica > 1 ? 4_096 * shape.gpusPerReplica : 2_048) +
      4_096 * shape.gpusPerReplica +
      8_192,
  }),
  entryPoint: "none",
  command: (group, engine) => {
    const options = dynamoModelOptions(graphModel(group));
    const settings = workerSettings(engine, group);
    const { type } = options.backend;
    return [...workerCommands[type], ...workerArguments(type, settings, engineConfigFile(options, settings))];
  },
  environment: (group, engine) => workerEnvironment(engine, group),
  options: { engine: dynamoEngineSchema, model: dynamoModelSchema },
  reserved: { arguments: dynamoReservedArguments, environment: dynamoReservedEnvironment },
  problems: dynamoProblems,
  plannerGpus: (options) => (options as DynamoModelOptions).planner?.maxGpus,
  disaggregated: (options) => (options as DynamoModelOptions).disaggregation,
  frontend: graphFrontend,
  otherPods: attendantPods,
  addons: dynamoAddons,
  limits: [
    "Models are streamed from no object store: they are mounted, copied, fetched from a hub, or in an image.",
    "Adapters (LoRA) are vLLM's only, and are loaded by arguments of its workers.",
    "A replica on several nodes needs Grove, or LeaderWorkerSet with Volcano, in the cluster, and SGLang; vLLM only from an image of your own with Ray; TensorRT-LLM has none.",
    "Caches move between pools over TCP, or within a node: network cards with RDMA and EFA adapters are not asked for.",
    "The endpoint picker for Gateway API is not deployed: the proxy sends requests to the graph's own frontends.",
    "A planner scales its workers up to maxGpus; nodes beyond the planned ones come from the cluster autoscaler.",
    "With an autoscaler, two pools are scaled by GPU utilisation only, each by its own.",
    "The signal queue counts requests until their first token, and by KEDA only: an adapter's metrics of pods are the workers', not the frontends'.",
  ],
};

/** The operator, for every graph that is created; what starts replicas on several nodes, where some are. */
function dynamoAddons(engine: Raw): readonly AddonName[] {
  const models = records(engine.models).map(({ entry }) => entry);
  const created = models.filter((model) => record(record(model.dynamo).deployment).create !== false);
  if (created.length === 0) return [];
  const spanning = created.some((model) => (number(model.nodesPerReplica) ?? 1) > 1);
  return spanning && record(engine.dynamo).multiNode === "leader-worker-set"
    ? ["dynamoPlatform", "leaderWorkerSet"]
    : ["dynamoPlatform"];
}
