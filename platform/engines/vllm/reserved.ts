import type { ReservedArguments } from "../extra-arguments.ts";
import type { ReservedEnvironment } from "../extra-environment.ts";

const shape = "follows from gpusPerReplica and nodesPerReplica";
const key = (name: string) => `is the key vllm.${name} of the model`;

/** Arguments of `vllm serve` that the plan, the routes or a key of the spec decide. */
export const vllmReservedArguments: ReservedArguments = {
  host: "is always 0.0.0.0, where the Service sends",
  port: "is the port of Service, probes and routes",
  uds: "would take the place of the port",
  "root-path": "would move the paths that routes and probes ask",
  "ssl-*": "would end the plain HTTP that the proxy speaks inside the cluster",
  grpc: "would answer in another protocol than routes and probes ask in",
  "api-key": "would be readable in the pod; the proxy asks for keys, and only its pods reach the engine",
  config: "could set any argument of the contract from a file",
  model: "follows from storage, name and version of the model",
  revision: "is the version of the model",
  "served-model-name": "follows from the model's name and its key vllm.servedNames",
  "load-format": "follows from storage",
  "tensor-parallel-size": shape,
  "pipeline-parallel-size": shape,
  "prefill-context-parallel-size": shape,
  "data-parallel-*": "would be replicas inside a replica, of which plan and routes know nothing",
  "distributed-executor-backend": shape,
  nnodes: shape,
  "node-rank": shape,
  "master-addr": shape,
  "master-port": shape,
  headless: shape,
  "max-num-seqs": "is maxBatchSize of the model, or the plan's",
  "max-num-batched-tokens": "is what the latencies of the plan were predicted with",
  "max-model-len": key("maxSequenceTokens"),
  "gpu-memory-utilization": key("gpuMemoryUtilization"),
  "kv-cache-memory-bytes": "would take the place of vllm.gpuMemoryUtilization, which batches were sized by",
  "num-gpu-blocks-override": "would take the place of vllm.gpuMemoryUtilization, which batches were sized by",
  "enable-prefix-caching": key("prefixCaching"),
  quantization: key("quantization"),
  dtype: key("dtype"),
  "kv-cache-dtype": key("kvCacheDtype"),
  "enforce-eager": key("enforceEager"),
  "enable-lora": key("loraAdapters"),
  "lora-modules": key("loraAdapters"),
  "max-loras": key("loraAdapters"),
  "max-lora-rank": key("maxLoraRank"),
  "chat-template": key("chatTemplate"),
  "tool-call-parser": key("toolCallParser"),
  "enable-auto-tool-choice": key("toolCallParser"),
  "reasoning-parser": key("reasoningParser"),
  "shutdown-timeout": "is the time that the pod has to finish its requests",
};

const fromStorage = "follows from storage";

export const vllmReservedEnvironment: ReservedEnvironment = {
  HOME: "is the scratch volume, as the root is read-only",
  HF_HOME: "is on the scratch volume, which is sized for it",
  HF_HUB_OFFLINE: fromStorage,
  HF_TOKEN: "is tokenSecret of storage",
  HUGGING_FACE_HUB_TOKEN: "is tokenSecret of storage",
  VLLM_API_KEY: "would refuse the proxy, which asks for keys itself",
  VLLM_PORT: "is for vLLM's own processes, and breaks them where the API's is meant",
  VLLM_HOST_IP: "is the pod's own address",
  "LWS_*": "is set by the LeaderWorkerSet",
  VLLM_ALLOW_RUNTIME_LORA_UPDATING: "would let every client load adapters; vllm.loraAdapters lists them",
  VLLM_SERVER_DEV_MODE: "opens paths that run code and drop caches to every client",
};
