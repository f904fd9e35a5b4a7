import type { EnginePlan, GroupModel, ReplicaGroupPlan } from "../../plan/platform-plan.ts";
import { dynamoEngineOptions } from "./engine-options.ts";
import { cacheKnowledge, kvBlockTokens } from "./kv-cache.ts";
import { dynamoModelOptions, type DynamoModelOptions } from "./model-options.ts";
import { runtimeImage } from "./release.ts";

/** Where volumes with models are in the containers. */
export const dynamoModelRoot = "/models";

/** vLLM's own default for serving on data-centre GPUs, as the plan was sized with; told to every backend. */
export const dynamoMaxBatchedTokens = 8192;

/** What a worker is told, whatever its backend calls it. */
export interface WorkerSettings {
  /** Folder, or id on a hub where Model Express fetches it. */
  readonly location: string;
  readonly servedName: string;
  /** GPUs of all nodes of a replica. */
  readonly gpus: number;
  readonly nodes: number;
  readonly maxBatchSize: number;
  readonly maxBatchedTokens: number;
  /** Longest sequence, in tokens. */
  readonly maxSequenceTokens: number;
  readonly blockTokens: number;
  readonly prefixCaching: boolean;
  /** Absent where it does both. */
  readonly role?: "prefill" | "decode";
  /** Tells the router which blocks it has. */
  readonly reportsCache: boolean;
  /** Weights come from another worker, or from storage where there is none yet. */
  readonly modelExpress: boolean;
}

export function workerSettings(engine: EnginePlan, group: ReplicaGroupPlan): WorkerSettings {
  const model = graphModel(group);
  const options = dynamoModelOptions(model);
  const { role } = group;
  return {
    location: modelLocation(engine, model, options),
    servedName: model.name,
    gpus: group.gpusPerReplica,
    nodes: group.nodesPerReplica,
    maxBatchSize: group.maxBatchSize,
    maxBatchedTokens: dynamoMaxBatchedTokens,
    maxSequenceTokens: model.maxSequenceTokens,
    blockTokens: kvBlockTokens(options),
    prefixCaching: options.prefixCaching,
    ...(role === undefined ? {} : { role }),
    // The router chooses who reads a prompt: the caches of those that only generate are nothing that it could use.
    reportsCache: role !== "decode" && cacheKnowledge(options) === "reported",
    modelExpress: dynamoEngineOptions(engine).modelExpress !== undefined,
  };
}

/** The image of a group's workers: the spec's own, or the release's for their backend. */
export function workerImage(engine: EnginePlan, group: ReplicaGroupPlan): string {
  const { backend } = dynamoModelOptions(graphModel(group));
  return backend.image ?? runtimeImage(backend.type, dynamoEngineOptions(engine));
}

/** A graph serves one model in one version. */
export function graphModel(group: ReplicaGroupPlan): GroupModel {
  const [model] = group.models;
  if (!model) throw new RangeError(`group "${group.name}" has no model`);
  return model;
}

function modelLocation(engine: EnginePlan, model: GroupModel, options: DynamoModelOptions): string {
  const repository = hubRepository(engine, model, options);
  const fetched = repository !== undefined && dynamoEngineOptions(engine).modelExpress !== undefined;
  if (fetched) return repository;
  const [version] = model.versions;
  if (!version) throw new RangeError(`model "${model.name}" has no version`);
  return `${dynamoModelRoot}/${model.name}/${version.version}`;
}

/** Id of a model on the hub; undefined where the storage is another. */
export function hubRepository(
  { storage }: Pick<EnginePlan, "storage">,
  model: Pick<GroupModel, "name">,
  options: Pick<DynamoModelOptions, "model">,
): string | undefined {
  if (storage.kind !== "hugging-face") return undefined;
  return options.model?.name ?? `${storage.organisation}/${model.name}`;
}
