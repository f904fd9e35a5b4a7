import type { RouteTarget } from "../../../platform/routes/routing-table.ts";
import { RetryBudget } from "../admission/retry-budget.ts";
import { ProxyFailure } from "../proxy-failure.ts";
import { loadBound } from "../routing/bounded-load.ts";
import { chooseEndpoint, type Random } from "../routing/choose.ts";
import { hashText } from "../routing/hash.ts";
import { PrefixAffinity } from "../routing/prefix-affinity.ts";
import type { Route } from "../routing/routing-index.ts";
import { sessionEndpoint } from "../routing/session-affinity.ts";
import { Endpoint, type IsHealthy } from "./endpoint.ts";

/** The addresses that a base URL of the routing table stands for now, as base URLs. */
export type AddressesOf = (target: RouteTarget, url: string) => readonly string[];

/** What of a request decides its endpoint, for models with an affinity. */
export interface AffinityKeys {
  /** Where the prompt is in the body. */
  readonly prompt: { readonly body: Buffer; readonly start: number; readonly end: number } | undefined;
  header(name: string): string | undefined;
}

interface Replicas {
  readonly endpoints: readonly Endpoint[];
  readonly retries: RetryBudget;
}

/** The endpoints that are in use. Their load and health survive a reload of the routing table. */
export class Endpoints {
  readonly #byUrl = new Map<string, Endpoint>();
  #byTarget = new Map<RouteTarget, Replicas>();
  readonly #random: Random;
  readonly #isHealthy: IsHealthy;
  readonly #prefixes = new PrefixAffinity();

  constructor(random: Random, isHealthy: IsHealthy) {
    this.#random = random;
    this.#isHealthy = isHealthy;
  }

  /** Takes the targets of a new routing table, or new addresses of the same; what nothing leads to any more retires. */
  use(targets: Iterable<RouteTarget>, addressesOf: AddressesOf): void {
    const byTarget = new Map<RouteTarget, Replicas>();
    const wanted = new Set<string>();
    for (const target of targets) {
      const urls = [...new Set(target.endpoints.flatMap((url) => addressesOf(target, url)))];
      const endpoints = urls.map((url) => this.get(url));
      const breakers = endpoints.map(({ breaker }) => breaker);
      for (const breaker of breakers) breaker.setPeers(breakers);
      byTarget.set(target, {
        endpoints,
        retries: this.#byTarget.get(target)?.retries ?? new RetryBudget(),
      });
      for (const url of urls) wanted.add(url);
    }
    this.#byTarget = byTarget;
    for (const [url, endpoint] of this.#byUrl) {
      if (wanted.has(url)) continue;
      this.#byUrl.delete(url);
      endpoint.retire();
    }
  }

  /** The endpoints of a target; of one that the table does not have any more, those that it was loaded with. */
  of(target: RouteTarget): readonly Endpoint[] {
    return this.#byTarget.get(target)?.endpoints ?? target.endpoints.map((url) => this.get(url));
  }

  /** How often requests of a target may be repeated; undefined for one that the table does not have any more. */
  retriesOf(target: RouteTarget): RetryBudget | undefined {
    return this.#byTarget.get(target)?.retries;
  }

  /**
   * Chooses an endpoint for a request: the first time by the affinity of its model, where it has one, else by load among
   * those not yet tried. Those that fail come last.
   *
   * @param nowMs on the clock of `performance.now()`
   * @param isLoaded of models that are loaded on demand: where the model is there already, a request waits for no load
   * @throws ProxyFailure NO_ENDPOINT
   */
  choose(
    { target, model }: Route,
    keys: AffinityKeys,
    tried: readonly Endpoint[],
    nowMs: number,
    isLoaded?: (endpoint: Endpoint) => boolean,
  ): Endpoint {
    const all = this.of(target);
    const chosen =
      (tried.length === 0 && model.affinity && all.length > 1
        ? all[this.#affineIndex(all, model.name, model.affinity, keys)]
        : undefined) ??
      chooseEndpoint(
        preferLoaded(tried.length === 0 ? all : all.filter((one) => !tried.includes(one)), isLoaded),
        this.#random,
      );
    if (!chosen) throw new ProxyFailure("NO_ENDPOINT");
    chosen.breaker.tryProbe(nowMs);
    return chosen;
  }

  /** The endpoint of a URL, for requests that are not balanced. */
  get(url: string): Endpoint {
    let endpoint = this.#byUrl.get(url);
    if (!endpoint) {
      endpoint = new Endpoint(url, this.#isHealthy);
      this.#byUrl.set(url, endpoint);
    }
    return endpoint;
  }

  /** Breaks off what is still in flight. */
  destroy(): void {
    for (const endpoint of this.#byUrl.values()) endpoint.destroy();
  }

  /** -1 where the request has nothing to go by. */
  #affineIndex(
    all: readonly Endpoint[],
    model: string,
    affinity: NonNullable<Route["model"]["affinity"]>,
    keys: AffinityKeys,
  ): number {
    if (affinity.by === "session") {
      const session = keys.header(affinity.header);
      return session === undefined ? -1 : sessionEndpoint(all, hashText(model), session);
    }
    const { prompt } = keys;
    if (!prompt) return -1;
    return this.#prefixes.choose(all, hashText(model), prompt.body, prompt.start, prompt.end);
  }
}

/** Those that have the model and room beside it, or all where there is none: so a model spreads only with its load. */
function preferLoaded(
  open: readonly Endpoint[],
  isLoaded: ((endpoint: Endpoint) => boolean) | undefined,
): readonly Endpoint[] {
  if (!isLoaded || open.length <= 1) return open;
  const bound = loadBound(open);
  const holders = open.filter((one) => isLoaded(one) && one.usable && one.outstanding <= bound);
  return holders.length > 0 ? holders : open;
}
