import { PlatformError } from "../../platform/errors/platform-error.ts";
import { readJsonFile } from "../json-file.ts";

/** The largest published ones have some hundred KiB. */
const maxConfigBytes = 4 * 1024 * 1024;

/**
 * Reads a model's config.json.
 *
 * @throws PlatformError ESTIMATE_CONFIG_INVALID where it cannot be read or is no JSON.
 */
export async function readConfig(file: string): Promise<unknown> {
  const read = await readJsonFile(file, maxConfigBytes);
  if (read.ok) return read.content;
  const { message, allowed = "a config.json" } = read;
  throw new PlatformError([{ code: "ESTIMATE_CONFIG_INVALID", message, allowed }]);
}
