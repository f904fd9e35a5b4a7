import type { Logger } from "pino";
import type { RouteTarget } from "../../platform/routes/routing-table.ts";
import type { Admission } from "./admission/admission.ts";
import { DnsDiscovery } from "./discovery/dns-discovery.ts";
import { EndpointDiscovery, type DiscoveryState } from "./discovery/endpoint-discovery.ts";
import { EndpointSliceDiscovery } from "./discovery/endpoint-slice-discovery.ts";
import { indexRoutes, type LoadedRoutingTable, type RoutingIndex } from "./routing/routing-index.ts";
import type { Endpoints } from "./upstream/endpoints.ts";
import type { ActiveHealth } from "./upstream/health/active-health.ts";
import type { ModelLoader } from "./upstream/model-loader.ts";

/** What follows the routing table. */
export interface RouteFollowers {
  readonly log: Logger;
  readonly endpoints: Endpoints;
  readonly admission: Admission;
  readonly health: ActiveHealth;
  readonly loader: ModelLoader;
  /** Gets the base URLs that requests may go to now. */
  readonly retain: (urls: ReadonlySet<string>) => void;
}

/** How long the first addresses are waited for, in ms; a watch begins within a second. */
const longestDiscoveryMs = 10_000;

/** The routing table in use, with the addresses that its hosts stand for now. */
export class LiveRoutes {
  #index: RoutingIndex = indexRoutes({
    apiVersion: "domino-inference/v1",
    kind: "RoutingTable",
    servers: [],
  });
  readonly #followers: RouteFollowers;
  readonly #discovery: EndpointDiscovery;
  readonly #startedAtMs = performance.now();

  constructor(followers: RouteFollowers) {
    this.#followers = followers;
    const { log } = followers;
    this.#discovery = new EndpointDiscovery({
      log,
      sources: {
        dns: () => new DnsDiscovery({ log }),
        "endpoint-slices": () => new EndpointSliceDiscovery({ log }),
      },
      changed: () => this.#refresh(),
    });
  }

  /** A request takes it once, so that a reload cannot split its decision. */
  get index(): RoutingIndex {
    return this.#index;
  }

  /** Puts a table into use, for all requests from now on. */
  use(table: LoadedRoutingTable): void {
    const index = indexRoutes(table);
    this.#discovery.retain(index.targets);
    this.#followers.admission.use(index);
    this.#index = index;
    this.#refresh();
  }

  /**
   * Whether requests can be balanced: the addresses of every name are known, or were waited for long enough. A proxy
   * that never takes requests because its API server is away would be worse than one that goes by Services.
   */
  get ready(): boolean {
    return this.#discovery.isComplete || performance.now() - this.#startedAtMs > longestDiscoveryMs;
  }

  /** How the discovered URLs of the table stand. */
  get discovered(): readonly DiscoveryState[] {
    return this.#discovery.states();
  }

  close(): void {
    this.#discovery.close();
  }

  #refresh(): void {
    const { endpoints, health, loader, retain } = this.#followers;
    const { targets } = this.#index;
    endpoints.use(targets, (target, url) => this.#addressesOf(target, url));
    const paths = new Map<string, string>();
    for (const target of targets) {
      if (target.healthPath === undefined) continue;
      for (const { url } of endpoints.of(target)) paths.set(url, target.healthPath);
    }
    health.retain(paths);
    const urls = new Set(targets.flatMap((target) => endpoints.of(target).map(({ url }) => url)));
    loader.use(this.#index.servers, urls);
    retain(urls);
  }

  /** A name that is not resolved yet stands for itself: a Service answers, if not balanced by load. */
  #addressesOf({ discovery }: RouteTarget, url: string): readonly string[] {
    return (discovery && this.#discovery.addressesOf(discovery, url)) ?? [url];
  }
}
