import { existsSync } from "node:fs";
import { join } from "node:path";

/** Every file of a folder that the engine may take as its Pulumi project. Whether one can be read is not asked. */
export function projectFilesIn(folder: string): string[] {
  return ["Pulumi.yaml", "Pulumi.yml", "Pulumi.json"]
    .map((name) => join(folder, name))
    .filter((file) => existsSync(file));
}
