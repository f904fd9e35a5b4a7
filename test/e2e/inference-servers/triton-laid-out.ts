import { execFile } from "node:child_process";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { configKey, configPbtxt } from "../../../platform/engines/triton/config-pbtxt.ts";
import { tritonCommand } from "../../../platform/engines/triton/command.ts";
import { tritonEngineOptionsSchema } from "../../../platform/engines/triton/engine-options.ts";
import { tritonModelOptionsSchema } from "../../../platform/engines/triton/model-options.ts";
import {
  layoutCommand,
  tritonRepository,
  type RepositoryFolders,
} from "../../../platform/engines/triton/repository-layout.ts";
import { stagingMarker } from "../../../platform/engines/triton/staging.ts";
import type { EnginePlan, GroupModel, ReplicaGroupPlan } from "../../../platform/plan/platform-plan.ts";

/** A model of a plan, as far as its repository needs it, with options as a spec writes them. */
export function plannedModel(name: string, versions: readonly string[], options: object): GroupModel {
  return {
    name,
    versions: versions.map((version) => ({ version, weight: 100 / versions.length })),
    options: tritonModelOptionsSchema.parse(options),
  } as unknown as GroupModel;
}

/** Writes a version as it lies on the storage: with a configuration where Triton wants none, and the note of staging. */
export async function storeVersion(storage: string, model: string, version: string): Promise<void> {
  const folder = join(storage, model, version);
  await mkdir(folder, { recursive: true });
  const source = join(import.meta.dirname, "python", "triton_scale_model.py");
  await copyFile(source, join(folder, "model.py"));
  await writeFile(join(folder, "config.pbtxt"), `name: "another"\nbackend: "none"\n`);
  await writeFile(join(folder, stagingMarker), "s3://bucket/run\n");
}

/** Lays out the repository of the models in `<folder>/repository`, as an init container does; its folders. */
export async function layOut(
  folder: string,
  storage: string,
  models: readonly GroupModel[],
  maxBatchSize: number,
): Promise<RepositoryFolders> {
  const folders = {
    models: storage,
    configs: join(folder, "configs"),
    repository: join(folder, "repository"),
  };
  await mkdir(folders.configs, { recursive: true });
  await mkdir(folders.repository, { recursive: true });
  for (const model of models) {
    await writeFile(join(folders.configs, configKey(model.name)), configPbtxt(model, maxBatchSize));
  }
  const [command = "", ...args] = layoutCommand(models, folders);
  await promisify(execFile)(command, args);
  return folders;
}

/** The profile's command line for the models, on another folder than in the pod. */
export function serverArguments(
  models: readonly GroupModel[],
  loading: EnginePlan["loading"],
  repository: string,
): readonly string[] {
  const engine = { loading, options: tritonEngineOptionsSchema.parse({}) } as EnginePlan;
  const [, ...args] = tritonCommand({ models } as ReplicaGroupPlan, engine);
  const inPod = `--model-repository=${tritonRepository}`;
  if (!args.includes(inPod)) throw new Error(`the command has no ${inPod}`);
  return args.map((argument) => (argument === inPod ? `--model-repository=${repository}` : argument));
}
