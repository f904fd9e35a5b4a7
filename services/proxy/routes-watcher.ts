import { stat } from "node:fs/promises";
import type { Logger } from "pino";
import { PlatformError } from "../../platform/errors/platform-error.ts";
import { loadRoutes } from "./routes-file.ts";
import type { LoadedRoutingTable } from "./routing/routing-index.ts";

/**
 * Reloads the routing table when its file changes, and hands on only what is valid. It compares the file's identity at
 * an interval instead of listening for events: a ConfigMap changes by the swap of a symlink in a parent folder, which
 * file events miss, and network file systems send none.
 */
export class RoutesWatcher {
  readonly #file: string;
  readonly #log: Logger;
  readonly #apply: (table: LoadedRoutingTable) => void;
  #seen: string;
  #timer: NodeJS.Timeout;
  readonly #pollMs: number;
  #closed = false;

  private constructor(
    file: string,
    seen: string,
    pollMs: number,
    log: Logger,
    apply: (table: LoadedRoutingTable) => void,
  ) {
    this.#file = file;
    this.#seen = seen;
    this.#pollMs = pollMs;
    this.#log = log;
    this.#apply = apply;
    this.#timer = setTimeout(() => void this.#poll(), pollMs);
  }

  /** Loads the table once, which must succeed, and then watches it. */
  static async start(
    file: string,
    pollMs: number,
    log: Logger,
    apply: (table: LoadedRoutingTable) => void,
  ): Promise<RoutesWatcher> {
    // The identity is taken first: a change between the two calls is then seen as one.
    const seen = await identityOf(file);
    apply(await loadRoutes(file));
    return new RoutesWatcher(file, seen, pollMs, log, apply);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #poll(): Promise<void> {
    const identity = await identityOf(this.#file);
    if (identity !== this.#seen && !this.#closed) {
      this.#seen = identity;
      try {
        const table = await loadRoutes(this.#file);
        this.#apply(table);
        this.#log.info({ file: this.#file, servers: table.servers.length }, "routing table reloaded");
      } catch (error) {
        const problems = PlatformError.is(error) ? { problems: error.problems } : { err: error };
        this.#log.error({ file: this.#file, ...problems }, "routing table refused, the last good one stays");
      }
    }
    if (!this.#closed) this.#timer = setTimeout(() => void this.#poll(), this.#pollMs);
  }
}

/** Changes whenever the file is written or replaced; follows symlinks. */
async function identityOf(file: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs } = await stat(file, { bigint: true });
    return `${dev}:${ino}:${size}:${mtimeNs}`;
  } catch {
    return "missing";
  }
}
