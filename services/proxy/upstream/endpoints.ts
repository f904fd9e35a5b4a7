import type { RouteTarget } from "../../../platform/routes/routing-table.ts";
import { ProxyFailure } from "../proxy-failure.ts";
import { chooseEndpoint, type Random } from "../routing/choose.ts";
import { Endpoint } from "./endpoint.ts";

/** The addresses that a base URL of the routing table stands for now, as base URLs. */
export type AddressesOf = (target: RouteTarget, url: string) => readonly string[];

/** The endpoints that are in use. Their load and health survive a reload of the routing table. */
export class Endpoints {
  readonly #byUrl = new Map<string, Endpoint>();
  #byTarget = new Map<RouteTarget, readonly Endpoint[]>();
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Takes the targets of a new routing table, or new addresses of the same; what nothing leads to any more retires. */
  use(targets: Iterable<RouteTarget>, addressesOf: AddressesOf): void {
    const byTarget = new Map<RouteTarget, readonly Endpoint[]>();
    const wanted = new Set<string>();
    for (const target of targets) {
      const urls = [...new Set(target.endpoints.flatMap((url) => addressesOf(target, url)))];
      byTarget.set(
        target,
        urls.map((url) => this.get(url)),
      );
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
    return this.#byTarget.get(target) ?? target.endpoints.map((url) => this.get(url));
  }

  /**
   * Chooses by load among those not yet tried; the ones that just failed come last.
   *
   * @throws ProxyFailure NO_ENDPOINT
   */
  choose(target: RouteTarget, tried: readonly Endpoint[]): Endpoint {
    const all = this.of(target);
    const [only] = all;
    if (only && all.length === 1 && tried.length === 0) return only;
    const open = tried.length === 0 ? all : all.filter((endpoint) => !tried.includes(endpoint));
    const chosen = chooseEndpoint(open, this.#random);
    if (!chosen) throw new ProxyFailure("NO_ENDPOINT");
    return chosen;
  }

  /** The endpoint of a URL, for requests that are not balanced. */
  get(url: string): Endpoint {
    let endpoint = this.#byUrl.get(url);
    if (!endpoint) {
      endpoint = new Endpoint(url);
      this.#byUrl.set(url, endpoint);
    }
    return endpoint;
  }

  /** Breaks off what is still in flight. */
  destroy(): void {
    for (const endpoint of this.#byUrl.values()) endpoint.destroy();
  }
}
