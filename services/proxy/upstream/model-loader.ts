import type { RouteServer } from "../../../platform/routes/routing-table.ts";
import type { Route } from "../routing/routing-index.ts";
import type { Deadlines } from "./connection/deadlines.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Endpoints } from "./endpoints.ts";
import { EndpointModels } from "./loading/endpoint-models.ts";
import { HttpEngineRepository, type EngineRepository } from "./loading/engine-repository.ts";
import { UnloadPolicy } from "./loading/unload-policy.ts";

/** Idle times are minutes. */
const sweepIntervalMs = 1_000;

export interface ModelLoaderOptions {
  readonly endpoints: Endpoints;
  readonly deadlines: Deadlines;
  /** @default that of the process */
  readonly nowMs?: () => number;
}

interface LoadingEndpoint {
  /** An endpoint is one server's; where two share it, that of the first request says what may go. */
  server: string | undefined;
  readonly repository: EngineRepository;
  readonly models: EndpointModels;
  /** Models that are being asked about: an engine that refuses many requests must not get as many questions. */
  readonly verified: Set<string>;
}

/**
 * Loads models into engines that start empty and unloads them again, by the engine's repository API. A load outlives the
 * request that asked for it: whoever comes next finds the model loaded, and a client cannot break a load off by going
 * away. What is known of an endpoint goes by its URL, so that it survives a reload of the routing table.
 */
export class ModelLoader {
  readonly #options: ModelLoaderOptions;
  readonly #nowMs: () => number;
  readonly #byUrl = new Map<string, LoadingEndpoint>();
  /** Of the routing table in use; before the first, what the routes of requests say. */
  #servers: ReadonlyMap<string, RouteServer> | undefined;
  #sweeper: NodeJS.Timeout | undefined;

  constructor(options: ModelLoaderOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  /** Takes a new routing table, or new addresses of the same; what leads nowhere any more is dropped. */
  use(servers: ReadonlyMap<string, RouteServer>, urls: ReadonlySet<string>): void {
    this.#servers = servers;
    for (const [url, { server, models }] of this.#byUrl) {
      models.policy = new UnloadPolicy(server === undefined ? undefined : servers.get(server));
      if (!urls.has(url) && models.quiet) this.#byUrl.delete(url);
    }
  }

  /**
   * Counts a user of the model at the endpoint, to be given back by one `release`. Undefined where it is loaded already;
   * else resolves when it is, and rejects with a `ProxyFailure` (no `release` then) at the latest at the deadline.
   */
  ensureLoaded(endpoint: Endpoint, route: Route, deadlineMs: number): Promise<void> | undefined {
    const known = this.#byUrl.get(endpoint.url);
    const { server, model } = route;
    const { name } = model;
    if (known?.models.tryUse(name) === true) return undefined;
    const opened = known ?? this.#open(endpoint);
    if (opened.server === undefined) {
      opened.server = server.name;
      opened.models.policy = new UnloadPolicy(this.#servers ? this.#servers.get(server.name) : server);
    }
    return opened.models.use(name, deadlineMs);
  }

  release(endpoint: Endpoint, route: Route): void {
    this.#byUrl.get(endpoint.url)?.models.release(route.model.name);
  }

  /** Whether the endpoint has the model, or will: a request that goes there needs no load of its own. */
  isLoaded(endpoint: Endpoint, model: string): boolean {
    return this.#byUrl.get(endpoint.url)?.models.holds(model) ?? false;
  }

  /** After a failed connection the engine may have restarted, and then has lost its models. */
  forget(endpoint: Endpoint): void {
    this.#byUrl.get(endpoint.url)?.models.forget();
  }

  /** After an answer that an unknown model may have caused: asks whether the model is still there. */
  async verify(endpoint: Endpoint, model: string): Promise<void> {
    const known = this.#byUrl.get(endpoint.url);
    if (!known || known.verified.has(model)) return;
    known.verified.add(model);
    try {
      if (!(await known.repository.isReady(model))) known.models.lost(model);
    } catch {
      known.models.forget();
    } finally {
      known.verified.delete(model);
    }
  }

  /** Unloads what has been idle; its timer calls it. */
  sweep(): void {
    for (const { models } of this.#byUrl.values()) models.sweep();
  }

  close(): void {
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
  }

  #open({ url }: Endpoint): LoadingEndpoint {
    const repository = new HttpEngineRepository(this.#options, url);
    const { deadlines } = this.#options;
    const policy = new UnloadPolicy(undefined);
    const models = new EndpointModels({ repository, policy, deadlines, nowMs: this.#nowMs });
    const opened = { server: undefined, repository, models, verified: new Set<string>() };
    this.#byUrl.set(url, opened);
    this.#sweeper ??= setInterval(() => this.sweep(), sweepIntervalMs).unref();
    return opened;
  }
}
