import type { Logger } from "pino";
import { request, type Dispatcher } from "undici";
import { readEndpointUrl } from "../endpoint-url.ts";

/** One lost answer says nothing; requests meanwhile have the circuit breaker. */
const failuresUntilOut = 2;

/** Most of an answer that is read, in bytes: its status says everything. */
const maxAnswerBytes = 4_096;

export interface HealthSettings {
  /**
   * Time from an answer to the next question, in ms, give or take a fifth: proxies and endpoints that started together
   * must not ask and be asked together for ever.
   * @default 5000
   */
  readonly intervalMs: number;
  /**
   * Longest time for one answer, connecting included, in ms.
   * @default 2000
   */
  readonly timeoutMs: number;
}

/** Asks one endpoint, one question after the other. */
export class HealthAsker {
  /** Below the endpoint's base URL. */
  path: string;
  readonly #url: string;
  readonly #baseUrl: string;
  readonly #authority: string;
  readonly #dispatcher: Dispatcher;
  readonly #settings: HealthSettings;
  readonly #log: Logger;
  /** Is called when it is time to `ask`. */
  #due: () => void = () => {};
  #timer: NodeJS.Timeout | undefined;
  #question: AbortController | undefined;
  #failuresInARow = 0;
  #healthy = true;
  #stopped = false;

  constructor(url: string, path: string, dispatcher: Dispatcher, settings: HealthSettings, log: Logger) {
    const { baseUrl, authority } = readEndpointUrl(url);
    this.#url = url;
    this.#baseUrl = baseUrl;
    this.#authority = authority;
    this.path = path;
    this.#dispatcher = dispatcher;
    this.#settings = settings;
    this.#log = log;
  }

  get healthy(): boolean {
    return this.#healthy;
  }

  /** Calls `due` for the first time somewhere within an interval, so that a reload does not ask all at once. */
  start(due: () => void): void {
    this.#due = due;
    this.#schedule(Math.random() * this.#settings.intervalMs);
  }

  /** Asks no more, and breaks off the question that is out. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#question?.abort();
  }

  /** Asks once and plans the next time. Never rejects. */
  async ask(): Promise<void> {
    // It may have been stopped while others were asked.
    if (this.#stopped) return;
    const failure = await this.#failure();
    if (this.#stopped) return;
    if (failure === undefined) this.#succeeded();
    else this.#failed(failure);
    this.#schedule((0.8 + 0.4 * Math.random()) * this.#settings.intervalMs);
  }

  #schedule(inMs: number): void {
    this.#timer = setTimeout(this.#due, inMs).unref();
  }

  /** Why the endpoint cannot take requests; undefined where it can. */
  async #failure(): Promise<string | undefined> {
    const question = new AbortController();
    this.#question = question;
    const timer = setTimeout(() => question.abort(), this.#settings.timeoutMs);
    try {
      const { statusCode, body } = await request(this.#baseUrl + this.path, {
        dispatcher: this.#dispatcher,
        // A new connection each time: an engine that takes no new ones cannot take requests for long.
        reset: true,
        signal: question.signal,
        // Is also the name that a certificate has to be of.
        headers: { host: this.#authority },
      });
      await body.dump({ limit: maxAnswerBytes, signal: question.signal });
      return statusCode >= 200 && statusCode < 300 ? undefined : `status ${statusCode}`;
    } catch (error) {
      if (question.signal.aborted) return "timeout";
      return error instanceof Error && "code" in error ? String(error.code) : "broken off";
    } finally {
      clearTimeout(timer);
    }
  }

  #succeeded(): void {
    this.#failuresInARow = 0;
    if (this.#healthy) return;
    this.#healthy = true;
    this.#log.info({ endpoint: this.#url }, "endpoint is healthy again");
  }

  #failed(reason: string): void {
    this.#failuresInARow++;
    if (!this.#healthy || this.#failuresInARow < failuresUntilOut) return;
    this.#healthy = false;
    this.#log.warn({ endpoint: this.#url, reason }, "endpoint is unhealthy");
  }
}
