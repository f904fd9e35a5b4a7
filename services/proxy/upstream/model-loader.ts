import { ProxyFailure } from "../proxy-failure.ts";
import { askEngine } from "./ask-engine.ts";
import type { Deadlines } from "./connection/deadlines.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Endpoints } from "./endpoints.ts";

/** A large model takes minutes to load from a network file system. */
const loadTimeoutMs = 300_000;

const verifyTimeoutMs = 5_000;

/**
 * Loads models into engines that start empty, by the engine's repository API. A load outlives the request that asked
 * for it: whoever comes next finds the model loaded, and a client cannot break a load off by going away.
 */
export class ModelLoader {
  readonly #engines: { readonly endpoints: Endpoints; readonly deadlines: Deadlines };
  /** Loads under way and done, for each endpoint. */
  readonly #loads = new WeakMap<Endpoint, Map<string, Promise<void>>>();
  /** Models that are being asked about: an engine that refuses many requests must not get as many questions. */
  readonly #verifications = new WeakMap<Endpoint, Set<string>>();

  constructor(engines: { readonly endpoints: Endpoints; readonly deadlines: Deadlines }) {
    this.#engines = engines;
  }

  /** Waits, at most until the deadline, for the model to be loaded at the endpoint. */
  async ensureLoaded(endpoint: Endpoint, model: string, deadlineMs: number): Promise<void> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => late.reject(new ProxyFailure("DEADLINE_EXCEEDED", "The model is still being loaded.")),
      Math.max(deadlineMs - performance.now(), 0),
    );
    try {
      await Promise.race([this.#load(endpoint, model), late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** After a failed connection the engine may have restarted, and then has lost its models. */
  forget(endpoint: Endpoint): void {
    this.#loads.delete(endpoint);
  }

  /** After an answer that an unknown model may have caused: asks whether the model is still there. */
  async verify(endpoint: Endpoint, model: string): Promise<void> {
    const asked = this.#verifications.get(endpoint) ?? new Set<string>();
    this.#verifications.set(endpoint, asked);
    if (asked.has(model)) return;
    asked.add(model);
    try {
      const { status } = await askEngine(this.#engines, endpoint.url, {
        method: "GET",
        path: `/v2/models/${encodeURIComponent(model)}/ready`,
        timeoutMs: verifyTimeoutMs,
      });
      if (status !== 200) this.#loads.get(endpoint)?.delete(model);
    } catch {
      this.forget(endpoint);
    } finally {
      asked.delete(model);
    }
  }

  #load(endpoint: Endpoint, model: string): Promise<void> {
    const loads = this.#loads.get(endpoint) ?? new Map<string, Promise<void>>();
    this.#loads.set(endpoint, loads);
    let load = loads.get(model);
    if (!load) {
      load = this.#requestLoad(endpoint, model);
      loads.set(model, load);
      // A failed load is tried again by the next request.
      load.catch(() => {
        if (loads.get(model) === load) loads.delete(model);
      });
    }
    return load;
  }

  async #requestLoad({ url }: Endpoint, model: string): Promise<void> {
    let status: number;
    try {
      ({ status } = await askEngine(this.#engines, url, {
        method: "POST",
        path: `/v2/repository/models/${encodeURIComponent(model)}/load`,
        body: "{}",
        timeoutMs: loadTimeoutMs,
      }));
    } catch (error) {
      // Loading twice does no harm, so every broken connection may be answered by trying another endpoint.
      throw new ProxyFailure("ENGINE_UNREACHABLE", undefined, { cause: error });
    }
    if (status !== 200) throw new ProxyFailure("MODEL_LOAD_FAILED");
  }
}
