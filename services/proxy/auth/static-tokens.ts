import type { Logger } from "pino";
import { PlatformError } from "../../../platform/errors/platform-error.ts";
import { WatchedFiles } from "../watched-files.ts";
import type { Principal } from "./principal.ts";
import { loadTokens, type ServiceTokens } from "./tokens-file.ts";

/**
 * The services of a tokens file. They are found by the hash of what a client sends: how long that takes tells nothing
 * about a token, because nobody can choose a text whose hash begins like another's.
 */
export class StaticTokens {
  #tokens: ServiceTokens;
  #watched: WatchedFiles | undefined;

  private constructor(tokens: ServiceTokens) {
    this.#tokens = tokens;
  }

  /**
   * Loads the file, which must succeed once, and again whenever it changes. What cannot be used is logged, and the last
   * good tokens stay.
   *
   * @throws PlatformError PROXY_CONFIG_INVALID where the file is not valid at the start
   */
  static async open(file: string, pollMs: number, log: Logger): Promise<StaticTokens> {
    const tokens = new StaticTokens(new Map());
    const watched = await WatchedFiles.start([file], pollMs, async () => {
      try {
        tokens.#tokens = await loadTokens(file);
        log.info({ file, tokens: tokens.#tokens.size }, "service tokens reloaded");
      } catch (error) {
        const problems = PlatformError.is(error) ? { problems: error.problems } : { err: error };
        log.error({ file, ...problems }, "service tokens refused, the last good ones stay");
      }
    });
    try {
      tokens.#tokens = await loadTokens(file);
    } catch (error) {
      watched.close();
      throw error;
    }
    tokens.#watched = watched;
    return tokens;
  }

  /** Whose token has this hash. */
  find(fingerprint: string): Principal | undefined {
    return this.#tokens.get(fingerprint);
  }

  close(): void {
    this.#watched?.close();
  }
}
