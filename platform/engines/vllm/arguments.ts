import type { EnginePlan, GroupModel, ReplicaGroupPlan } from "../../plan/platform-plan.ts";
import { vllmModelOptions, type VllmModelOptions } from "./model-options.ts";
import { leaderArguments, workerArguments } from "./multi-node.ts";

/** Where volumes with models are mounted. */
export const vllmModelRoot = "/models";

/** Folder of an engine's storage that holds LoRA adapters. */
export const adapterFolder = "adapters";

/** Where a chat template is mounted, one file named after its key. */
export const chatTemplateFolder = "/etc/vllm/chat-template";

/** vLLM's own default for serving on data-centre GPUs; said on the command line, as others of its defaults are smaller. */
export const vllmBatchedTokens = 8192;

/** Longest request that a drain waits for. */
export const vllmRequestSeconds = 300;

/** What one process of `vllm serve` is started with. */
export interface VllmServe {
  /** The model's folder, address or repository: the only positional argument. */
  readonly model: string;
  /** Everything but where it listens. A flag and its value are one argument; those of a list follow their flag. */
  readonly flags: readonly string[];
}

/** The process that answers for a replica; where the replica spans several nodes, the one on the first. */
export function vllmCommand(group: ReplicaGroupPlan, engine: EnginePlan): readonly string[] {
  const { model, flags } = vllmServe(group, engine);
  return ["vllm", "serve", model, ...listening, ...flags, ...leaderArguments(group)];
}

/** The processes on the other nodes of a replica that spans several. */
export function vllmWorkerCommand(group: ReplicaGroupPlan, engine: EnginePlan): readonly string[] {
  const { model, flags } = vllmServe(group, engine);
  return ["vllm", "serve", model, ...flags, ...workerArguments(group)];
}

const listening = ["--host=0.0.0.0", "--port=8000"] as const;

/** Without what depends on the node where a replica spans several. */
export function vllmServe(group: ReplicaGroupPlan, engine: EnginePlan): VllmServe {
  const [model] = group.models;
  const [version] = model?.versions ?? [];
  if (!model || !version) throw new RangeError(`group "${group.name}" serves no version of a model`);
  const options = vllmModelOptions(model);
  const { storage } = engine;
  return {
    model: location(storage, model.name, version.version),
    flags: [
      // The first is what answers say; it is the name that routes know.
      "--served-model-name",
      model.name,
      ...options.servedNames,
      `--tensor-parallel-size=${group.gpusPerReplica / group.nodesPerReplica}`,
      ...(group.nodesPerReplica > 1 ? [`--pipeline-parallel-size=${group.nodesPerReplica}`] : []),
      `--max-num-seqs=${group.maxBatchSize}`,
      `--max-num-batched-tokens=${vllmBatchedTokens}`,
      `--max-model-len=${sequenceTokens(model, options)}`,
      `--gpu-memory-utilization=${options.gpuMemoryUtilization}`,
      options.prefixCaching ? "--enable-prefix-caching" : "--no-enable-prefix-caching",
      ...(storage.kind === "s3" && storage.access === "stream" ? ["--load-format=runai_streamer"] : []),
      ...(storage.kind === "hugging-face" ? [`--revision=${version.version}`] : []),
      ...numberFormats(options),
      ...(options.enforceEager ? ["--enforce-eager"] : []),
      ...loraFlags(options, storage),
      ...conversationFlags(options),
      // Probes and scrapes would be most of the log.
      "--disable-access-log-for-endpoints=/health,/metrics",
      // Finishes running requests after SIGTERM instead of aborting them.
      `--shutdown-timeout=${vllmRequestSeconds}`,
    ],
  };
}

function location(storage: EnginePlan["storage"], model: string, version: string): string {
  if (storage.kind === "hugging-face") return `${storage.organisation}/${model}`;
  const folder = `${model}/${version}`;
  return storage.kind === "s3" && storage.access === "stream"
    ? `s3://${[storage.bucket, storage.prefix, folder].filter(Boolean).join("/")}`
    : `${vllmModelRoot}/${folder}`;
}

function sequenceTokens(model: GroupModel, options: VllmModelOptions): number {
  return options.maxSequenceTokens ?? model.maxSequenceTokens;
}

/** A checkpoint that is quantised says so itself; a flag would only keep vLLM from the fastest kernel for it. */
function numberFormats({ quantization, dtype, kvCacheDtype }: VllmModelOptions): string[] {
  return [
    ...(quantization === "fp8" ? ["--quantization=fp8"] : []),
    ...(dtype === "auto" ? [] : [`--dtype=${dtype}`]),
    ...(kvCacheDtype === "auto" ? [] : [`--kv-cache-dtype=${kvCacheDtype}`]),
  ];
}

function loraFlags(
  { loraAdapters, maxLoraRank }: VllmModelOptions,
  storage: EnginePlan["storage"],
): string[] {
  if (loraAdapters.length === 0) return [];
  const root = storage.kind === "hugging-face" ? storage.organisation : `${vllmModelRoot}/${adapterFolder}`;
  return [
    "--enable-lora",
    // Of one batch. Fewer would make requests for the others wait for a place.
    `--max-loras=${loraAdapters.length}`,
    `--max-lora-rank=${maxLoraRank}`,
    "--lora-modules",
    ...loraAdapters.map(({ name, path }) => `${name}=${root}/${path}`),
  ];
}

function conversationFlags({ chatTemplate, toolCallParser, reasoningParser }: VllmModelOptions): string[] {
  return [
    ...(chatTemplate ? [`--chat-template=${chatTemplateFolder}/${chatTemplate.key}`] : []),
    ...(toolCallParser === undefined
      ? []
      : ["--enable-auto-tool-choice", `--tool-call-parser=${toolCallParser}`]),
    ...(reasoningParser === undefined ? [] : [`--reasoning-parser=${reasoningParser}`]),
  ];
}
