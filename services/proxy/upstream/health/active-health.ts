import type { Logger } from "pino";
import { Agent } from "undici";
import { HealthAsker, type HealthSettings } from "./health-asker.ts";

/** Endpoints asked at once: hundreds of dead ones that each take the whole timeout must not add up to minutes. */
const askedAtOnce = 32;

export interface ActiveHealthOptions extends Partial<HealthSettings> {
  readonly log: Logger;
}

/**
 * Asks every endpoint with a health path, at an interval, whether it can take requests. An endpoint is healthy until it
 * has failed twice in a row, and again from its first success on; one that is not asked is healthy.
 */
export class ActiveHealth {
  readonly #askers = new Map<string, HealthAsker>();
  readonly #settings: HealthSettings;
  readonly #agent: Agent;
  readonly #log: Logger;
  /** Those whose time has come, while as many as may are being asked. */
  readonly #due: HealthAsker[] = [];
  #asking = 0;

  private constructor({ log, intervalMs = 5_000, timeoutMs = 2_000 }: ActiveHealthOptions) {
    this.#log = log;
    this.#settings = { intervalMs, timeoutMs };
    // An attempt to connect must not outlive the question: the next one would wait for it instead of trying anew.
    this.#agent = new Agent({
      connectTimeout: timeoutMs,
      // The asker has a timeout for the whole.
      headersTimeout: 0,
      bodyTimeout: 0,
      allowH2: false,
    });
  }

  static start(options: ActiveHealthOptions): ActiveHealth {
    return new ActiveHealth(options);
  }

  /**
   * Asks these endpoints from now on and no others: health paths by base URL. What is known of an endpoint that stays
   * is kept, even where its path is another one.
   */
  retain(paths: ReadonlyMap<string, string>): void {
    for (const [url, asker] of this.#askers) {
      if (paths.has(url)) continue;
      asker.stop();
      this.#askers.delete(url);
    }
    for (const [url, path] of paths) {
      const known = this.#askers.get(url);
      if (known) known.path = path;
      else this.#askers.set(url, this.#startAsker(url, path));
    }
  }

  /** Whether the endpoint of this base URL can take requests, as far as it is known. */
  healthy(url: string): boolean {
    return this.#askers.get(url)?.healthy ?? true;
  }

  /** Stops asking and breaks off what is being asked. */
  async close(): Promise<void> {
    this.retain(new Map());
    await this.#agent.destroy();
  }

  #startAsker(url: string, path: string): HealthAsker {
    const asker = new HealthAsker(url, path, this.#agent, this.#settings, this.#log);
    asker.start(() => this.#ask(asker));
    return asker;
  }

  #ask(asker: HealthAsker): void {
    if (this.#asking >= askedAtOnce) {
      this.#due.push(asker);
      return;
    }
    this.#asking++;
    void asker.ask().finally(() => {
      this.#asking--;
      const next = this.#due.shift();
      if (next) this.#ask(next);
    });
  }
}
