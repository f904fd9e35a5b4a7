import { readFile, stat } from "node:fs/promises";
import { PlatformError } from "../../platform/errors/platform-error.ts";

/** The largest published ones have some hundred KiB. */
const maxConfigBytes = 4 * 1024 * 1024;

/**
 * Reads a JSON file.
 *
 * @throws PlatformError ESTIMATE_CONFIG_INVALID where it cannot be read or is no JSON.
 */
export async function readConfig(file: string): Promise<unknown> {
  try {
    const { size } = await stat(file);
    if (size > maxConfigBytes) throw invalid(`${file} has ${size} bytes`, `at most ${maxConfigBytes} bytes`);
    return JSON.parse(await readFile(file, "utf8"));
  } catch (error) {
    if (PlatformError.is(error)) throw error;
    const reason =
      error instanceof SyntaxError
        ? `is not JSON: ${error.message}`
        : `cannot be read (${(error as NodeJS.ErrnoException).code ?? "unreadable"})`;
    throw invalid(`${file} ${reason}`, "a config.json");
  }
}

function invalid(message: string, allowed: string): PlatformError {
  return new PlatformError([{ code: "ESTIMATE_CONFIG_INVALID", message, allowed }]);
}
