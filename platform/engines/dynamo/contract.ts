import type { ReservedArguments } from "../extra-arguments.ts";
import type { ReservedEnvironment } from "../extra-environment.ts";

const location = "follows from storage, and the model's name and version";
const shape = "follows from gpusPerReplica and nodesPerReplica";
const batch = "is maxBatchSize of the model, or the plan's";
const batchedTokens = "is what the latencies of the plan were predicted with";
const context = "is the plan's: longer sequences may not fit beside each other";
const key = (name: string) => `is the key dynamo.${name} of the model`;
const cacheReports = "follows from the keys dynamo.routingPolicy and dynamo.kvEvents of the model";
const file = "is the key dynamo.decode.extraConfig or dynamo.prefill.extraConfig of the model";
const fromOperator = "is set by the operator";

/** Arguments of workers that plan, routes or a key of the spec decide, of all backends. */
export const dynamoReservedArguments: ReservedArguments = {
  model: location,
  "model-path": location,
  revision: "is the version of the model",
  "served-model-name": "is the model's name, which the proxy routes by",
  tp: shape,
  "tp-size": shape,
  "tensor-parallel-size": shape,
  "pp-size": shape,
  "pipeline-parallel-size": shape,
  "gpus-per-node": shape,
  "data-parallel-*": "would be replicas inside a replica, of which plan and routes know nothing",
  "dp-size": "would be replicas inside a replica, of which plan and routes know nothing",
  nnodes: shape,
  "node-rank": shape,
  "dist-init-addr": shape,
  "master-addr": shape,
  "master-port": shape,
  headless: shape,
  "distributed-executor-backend": shape,
  "max-num-seqs": batch,
  "max-running-requests": batch,
  "max-batch-size": batch,
  "max-num-batched-tokens": batchedTokens,
  "chunked-prefill-size": batchedTokens,
  "max-num-tokens": batchedTokens,
  "max-model-len": context,
  "context-length": context,
  "max-seq-len": context,
  "gpu-memory-utilization": "is what the batches of the plan were sized by",
  "block-size": key("kvBlockSize"),
  "page-size": key("kvBlockSize"),
  "kv-block-size": key("kvBlockSize"),
  "enable-prefix-caching": key("prefixCaching"),
  "no-enable-prefix-caching": key("prefixCaching"),
  "disable-radix-cache": key("prefixCaching"),
  "kv-events-config": cacheReports,
  "publish-kv-events": cacheReports,
  "publish-events-and-metrics": cacheReports,
  "disaggregation-*": key("disaggregation"),
  "is-prefill-worker": key("disaggregation"),
  "is-decode-worker": key("disaggregation"),
  "kv-transfer-config": key("disaggregation"),
  connector: key("disaggregation"),
  config: file,
  "disagg-config": file,
  "disagg-config-key": file,
  "extra-engine-args": file,
  "override-engine-args": file,
  "trtllm.*": file,
  host: "is always 0.0.0.0, where the other pods of the graph ask",
  namespace: fromOperator,
  endpoint: "is what the frontend looks for",
  "discovery-backend": fromOperator,
  "request-plane": "is tcp for the whole graph",
  "event-plane": "is the key dynamo.eventPlane of the engine",
};

const ends = key("longestRequest");

/** Environment of workers that plan, operator or a key of the spec decide. */
export const dynamoReservedEnvironment: ReservedEnvironment = {
  HOME: "is the scratch volume, as the root is read-only",
  HF_HUB_OFFLINE: "follows from storage",
  HF_HOME: "is on the scratch volume, which is sized for it",
  HF_TOKEN: "is tokenSecret of storage",
  DYN_NAMESPACE: fromOperator,
  DYN_NAMESPACE_PREFIX: fromOperator,
  DYN_NAMESPACE_WORKER_SUFFIX: fromOperator,
  DYN_COMPONENT: fromOperator,
  DYN_DISCOVERY_BACKEND: fromOperator,
  "DYN_SYSTEM_*": fromOperator,
  "POD_*": fromOperator,
  NATS_SERVER: fromOperator,
  ETCD_ENDPOINTS: fromOperator,
  DYN_REQUEST_PLANE: "is tcp for the whole graph",
  DYN_EVENT_PLANE: "is the key dynamo.eventPlane of the engine",
  DYN_SELF_HOST_METADATA: "is on: frontends have no models of their own",
  DYN_GRACEFUL_SHUTDOWN_GRACE_PERIOD_SECS: ends,
  DYN_RUNTIME_GRACEFUL_SHUTDOWN_TIMEOUT_SECS: ends,
  DYN_HTTP_GRACEFUL_SHUTDOWN_TIMEOUT_SECS: ends,
  // The runtime has no such variable: who sets it believes in a file that nothing opens.
  DYNAMO_EXTRA_CONFIG:
    "is read by nothing; the file's path is the key dynamo.decode.extraConfig.path of the model",
  MODEL_EXPRESS_URL: "is the key dynamo.modelExpress of the engine",
};

/**
 * Why a key of a configuration file may not be given: a file's keys are the arguments of its backend, with dashes or
 * underscores.
 */
export function reservedConfigKey(name: string): string | undefined {
  const asked = name.replaceAll("_", "-");
  return Object.entries(dynamoReservedArguments).find(([pattern]) =>
    pattern.endsWith("*") ? asked.startsWith(pattern.slice(0, -1)) : asked === pattern,
  )?.[1];
}
