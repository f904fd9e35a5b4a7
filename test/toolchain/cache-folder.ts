import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

/**
 * Where the toolchain keeps what it built, by the XDG rules: a relative `XDG_CACHE_HOME` counts as none.
 *
 * @default ~/.cache/domino-inference/toolchain
 */
export function toolchainFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const { XDG_CACHE_HOME: cache } = environment;
  const base = cache !== undefined && isAbsolute(cache) ? cache : join(homedir(), ".cache");
  return join(base, "domino-inference", "toolchain");
}
