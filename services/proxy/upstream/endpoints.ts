import { Pool } from "undici";
import { ProxyFailure } from "../proxy-failure.ts";
import { chooseEndpoint, type Random } from "../routing/choose.ts";

/**
 * Connections to one endpoint. Each carries one request, so this is also the most requests in flight there; more wait
 * here, bounded by their deadlines. It is above what an engine batches, so that queues form where engines report them.
 */
const connectionsPerEndpoint = 1024;

/** Connecting within a cluster takes milliseconds. Undici's timers add up to half a second. */
const connectTimeoutMs = 2_000;

/** Below the 5 s of uvicorn (vLLM) and Node, so that an engine does not close a connection as it is taken up again. */
const keepAliveTimeoutMs = 4_000;

/** How long an endpoint that refused a connection is used only where there is no other. */
const avoidUnreachableMs = 1_000;

/** One address of a replica group with its connections and its load. */
export class Endpoint {
  readonly url: string;
  /** Path of the base URL without a trailing slash, often empty. */
  readonly basePath: string;
  readonly pool: Pool;
  outstanding = 0;
  /** On the clock of `performance.now()`. */
  #avoidUntilMs = 0;

  constructor(url: string) {
    const { origin, pathname } = new URL(url);
    this.url = url;
    this.basePath = pathname === "/" ? "" : pathname;
    this.pool = new Pool(origin, {
      connections: connectionsPerEndpoint,
      pipelining: 1,
      keepAliveTimeout: keepAliveTimeoutMs,
      // Idle connections must not be kept longer because an engine offers it: engines restart.
      keepAliveMaxTimeout: keepAliveTimeoutMs,
      connectTimeout: connectTimeoutMs,
      allowH2: false,
      // The exchange has its own deadlines.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  avoidForNow(): void {
    this.#avoidUntilMs = performance.now() + avoidUnreachableMs;
  }

  get avoided(): boolean {
    return performance.now() < this.#avoidUntilMs;
  }
}

/** The endpoints that are in use. Their load survives a reload of the routing table. */
export class Endpoints {
  readonly #byUrl = new Map<string, Endpoint>();
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Chooses by load among those not yet tried; endpoints that just refused a connection come last. */
  choose(urls: readonly string[], tried: ReadonlySet<Endpoint>): Endpoint {
    const open = urls.map((url) => this.#get(url)).filter((endpoint) => !tried.has(endpoint));
    const preferred = open.filter((endpoint) => !endpoint.avoided);
    const [first, ...rest] = preferred.length > 0 ? preferred : open;
    if (!first) throw new ProxyFailure("NO_ENDPOINT");
    return chooseEndpoint([first, ...rest], this.#random);
  }

  /** The endpoint of a URL, for requests that are not balanced. */
  get(url: string): Endpoint {
    return this.#get(url);
  }

  /** Closes the endpoints that no route leads to any more, each when its last request has ended. */
  retain(urls: ReadonlySet<string>): void {
    for (const [url, endpoint] of this.#byUrl) {
      if (urls.has(url)) continue;
      this.#byUrl.delete(url);
      void endpoint.pool.close().catch(() => {});
    }
  }

  /** Breaks off what is still in flight. */
  async destroy(): Promise<void> {
    await Promise.allSettled([...this.#byUrl.values()].map((endpoint) => endpoint.pool.destroy()));
  }

  #get(url: string): Endpoint {
    let endpoint = this.#byUrl.get(url);
    if (!endpoint) {
      endpoint = new Endpoint(url);
      this.#byUrl.set(url, endpoint);
    }
    return endpoint;
  }
}
