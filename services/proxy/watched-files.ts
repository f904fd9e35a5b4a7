import { stat } from "node:fs/promises";

/**
 * Calls back when one of some files changes. It compares the files' identity at an interval instead of listening for
 * events: ConfigMaps and Secrets change by the swap of a symlink in a parent folder, which file events miss, and network
 * file systems send none.
 */
export class WatchedFiles {
  readonly #files: readonly string[];
  readonly #pollMs: number;
  readonly #changed: () => Promise<void>;
  #seen: string;
  #timer: NodeJS.Timeout;
  #closed = false;

  private constructor(files: readonly string[], seen: string, pollMs: number, changed: () => Promise<void>) {
    this.#files = files;
    this.#seen = seen;
    this.#pollMs = pollMs;
    this.#changed = changed;
    this.#timer = setTimeout(() => void this.#poll(), pollMs);
  }

  /**
   * What changes from the moment of this call on is seen.
   *
   * @param changed must not reject; the next look waits for it
   */
  static async start(
    files: readonly string[],
    pollMs: number,
    changed: () => Promise<void>,
  ): Promise<WatchedFiles> {
    return new WatchedFiles(files, await identityOf(files), pollMs, changed);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #poll(): Promise<void> {
    const identity = await identityOf(this.#files);
    if (identity !== this.#seen && !this.#closed) {
      this.#seen = identity;
      await this.#changed();
    }
    if (!this.#closed) this.#timer = setTimeout(() => void this.#poll(), this.#pollMs);
  }
}

/** Changes whenever one of the files is written or replaced; follows symlinks. */
async function identityOf(files: readonly string[]): Promise<string> {
  const identities = files.map(async (file) => {
    try {
      const { dev, ino, size, mtimeNs } = await stat(file, { bigint: true });
      return `${dev}:${ino}:${size}:${mtimeNs}`;
    } catch {
      return "missing";
    }
  });
  return (await Promise.all(identities)).join(" ");
}
