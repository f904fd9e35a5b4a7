import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

export interface RepositoryModel {
  readonly name: string;
  readonly versions: readonly string[];
  readonly maxBatchSize: number;
}

const sources = join(import.meta.dirname, "python");

/** Writes a Triton model repository whose models answer as the emulator does. */
export async function writeRepository(folder: string, models: readonly RepositoryModel[]): Promise<void> {
  for (const model of models) {
    const modelFolder = join(folder, model.name);
    await mkdir(modelFolder, { recursive: true });
    await writeFile(join(modelFolder, "config.pbtxt"), configOf(model));
    for (const version of model.versions) {
      const versionFolder = join(modelFolder, version);
      await mkdir(versionFolder);
      await copyFile(join(sources, "triton_model.py"), join(versionFolder, "model.py"));
      await copyFile(join(sources, "emulated_logits.py"), join(versionFolder, "emulated_logits.py"));
    }
  }
}

function configOf({ name, maxBatchSize }: RepositoryModel): string {
  return `name: "${name}"
backend: "python"
max_batch_size: ${maxBatchSize}
version_policy { all {} }
input [{ name: "input_ids" data_type: TYPE_INT64 dims: [-1] }]
output [{ name: "logits" data_type: TYPE_FP32 dims: [2] }]
instance_group [{ kind: KIND_CPU count: 1 }]
`;
}
