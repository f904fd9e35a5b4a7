import type { DynamoBackend } from "./release.ts";
import type { EngineConfigFile } from "./engine-config.ts";
import type { WorkerSettings } from "./worker-settings.ts";

/** Interpreter and module of each worker: the operator adds what several nodes need only to commands of this form. */
export const workerCommands: Readonly<Record<DynamoBackend, readonly string[]>> = {
  vllm: ["python3", "-m", "dynamo.vllm"],
  sglang: ["python3", "-m", "dynamo.sglang"],
  trtllm: ["python3", "-m", "dynamo.trtllm"],
};

/** Where a vLLM worker reports its cache; the worker itself passes it on to the router. */
const vllmEventsPort = 20_080;
const sglangEventsPort = 5_557;

/** Where SGLang's workers of one request find each other; chosen at random unless it is told. */
const sglangBootstrapPort = 12_345;

/**
 * Arguments of a worker, without those of the spec. Each value is an argument of its own: the operator reads parallelism
 * and both file readers their path only in that form.
 *
 * @param config file with more configuration; undefined where there is none
 */
export function workerArguments(
  backend: DynamoBackend,
  settings: WorkerSettings,
  config: EngineConfigFile | undefined,
): readonly string[] {
  switch (backend) {
    case "vllm":
      return vllmArguments(settings, config);
    case "sglang":
      return sglangArguments(settings, config);
    case "trtllm":
      return trtllmArguments(settings, config);
  }
}

function vllmArguments(settings: WorkerSettings, config: EngineConfigFile | undefined): string[] {
  return [
    // A file's values count where the command line has none.
    ...(config ? ["--config", config.path] : []),
    ...["--model", settings.location],
    ...["--served-model-name", settings.servedName],
    // Tensor parallelism over the network of nodes is slower than stages that pass on activations once.
    ...["--tensor-parallel-size", String(settings.gpus / settings.nodes)],
    ...(settings.nodes > 1 ? ["--pipeline-parallel-size", String(settings.nodes)] : []),
    ...["--max-num-seqs", String(settings.maxBatchSize)],
    ...["--max-num-batched-tokens", String(settings.maxBatchedTokens)],
    ...["--max-model-len", String(settings.maxSequenceTokens)],
    // The share that the plan's batches were sized by.
    ...["--gpu-memory-utilization", "0.9"],
    ...["--block-size", String(settings.blockTokens)],
    settings.prefixCaching ? "--enable-prefix-caching" : "--no-enable-prefix-caching",
    ...(settings.modelExpress ? ["--load-format", "modelexpress"] : []),
    ...(settings.role
      ? [
          ...["--disaggregation-mode", settings.role],
          ...["--kv-transfer-config", JSON.stringify({ kv_connector: "NixlConnector", kv_role: "kv_both" })],
        ]
      : []),
    ...(settings.reportsCache
      ? [
          "--kv-events-config",
          JSON.stringify({
            publisher: "zmq",
            topic: "kv-events",
            endpoint: `tcp://*:${vllmEventsPort}`,
            enable_kv_cache_events: true,
          }),
        ]
      : []),
  ];
}

function sglangArguments(settings: WorkerSettings, config: EngineConfigFile | undefined): string[] {
  return [
    // A file's values count where the command line has none.
    ...(config ? ["--config", config.path] : []),
    ...["--model-path", settings.location],
    ...["--served-model-name", settings.servedName],
    // SGLang starts one group of processes over all nodes.
    ...["--tp-size", String(settings.gpus)],
    ...["--max-running-requests", String(settings.maxBatchSize)],
    ...["--chunked-prefill-size", String(settings.maxBatchedTokens)],
    ...["--context-length", String(settings.maxSequenceTokens)],
    ...["--page-size", String(settings.blockTokens)],
    // The frontend tokenizes.
    "--skip-tokenizer-init",
    "--enable-metrics",
    ...(settings.prefixCaching ? [] : ["--disable-radix-cache"]),
    ...(settings.role
      ? [
          ...["--disaggregation-mode", settings.role],
          ...["--disaggregation-transfer-backend", "nixl"],
          ...["--disaggregation-bootstrap-port", String(sglangBootstrapPort)],
          ...["--host", "0.0.0.0"],
        ]
      : []),
    ...(settings.reportsCache
      ? [
          "--kv-events-config",
          JSON.stringify({ publisher: "zmq", topic: "kv-events", endpoint: `tcp://*:${sglangEventsPort}` }),
        ]
      : []),
  ];
}

function trtllmArguments(settings: WorkerSettings, config: EngineConfigFile | undefined): string[] {
  const sizes = {
    tensor_parallel_size: settings.gpus,
    max_batch_size: settings.maxBatchSize,
    max_num_tokens: settings.maxBatchedTokens,
    max_seq_len: settings.maxSequenceTokens,
  };
  return [
    ...["--model", settings.location],
    ...["--served-model-name", settings.servedName],
    ...["--tensor-parallel-size", String(settings.gpus)],
    ...["--max-batch-size", String(settings.maxBatchSize)],
    ...["--max-num-tokens", String(settings.maxBatchedTokens)],
    ...["--max-seq-len", String(settings.maxSequenceTokens)],
    // Only what the worker reports of its blocks: their size itself is in the configuration file.
    ...["--kv-block-size", String(settings.blockTokens)],
    ...(settings.role ? ["--disaggregation-mode", settings.role] : []),
    ...(settings.reportsCache ? ["--publish-kv-events"] : []),
    ...(config ? ["--extra-engine-args", config.path] : []),
    // A file's values count more than the command line here. One that nobody could read at plan time must not change
    // what the plan was sized with.
    ...(config && config.kind !== "written" ? ["--override-engine-args", JSON.stringify(sizes)] : []),
  ];
}
